import { effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'tablecast-theme';

function stored(): Theme {
  const value = localStorage.getItem(KEY);
  return value === 'light' || value === 'dark' ? value : 'system';
}

/** Light, dark, or what the reader's system says. */
export const theme = signal<Theme>(stored());

const systemDark = matchMedia('(prefers-color-scheme: dark)');

/** Whether the page is dark at present; charts are drawn anew when it changes. */
export const dark = signal(systemDark.matches);

effect(() => {
  const chosen = theme.value;
  if (chosen === 'system') {
    localStorage.removeItem(KEY);
    delete document.documentElement.dataset['theme'];
  } else {
    localStorage.setItem(KEY, chosen);
    document.documentElement.dataset['theme'] = chosen;
  }
  dark.value = chosen === 'system' ? systemDark.matches : chosen === 'dark';
});

systemDark.addEventListener('change', ({ matches }) => {
  if (theme.peek() === 'system') dark.value = matches;
});
