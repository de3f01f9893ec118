import { render } from 'preact';
import { App } from './app.tsx';
import './styles/tokens.css';
import './styles/base.css';
import './styles/parts.css';
import './styles/shell.css';
import './styles/cluster.css';
import './styles/tables.css';
import './styles/past-and-health.css';
import 'uplot/dist/uPlot.min.css';

const root = document.querySelector('#page');
if (root !== null) render(<App />, root);
