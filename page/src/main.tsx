import { render } from 'preact';
import { App } from './app.tsx';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/views.css';
import 'uplot/dist/uPlot.min.css';

const root = document.querySelector('#page');
if (root !== null) render(<App />, root);
