import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { Note, type Tone } from './text.tsx';

const SHOWN = 3;
const GONE_AFTER_MS = 8000;

interface Toast {
  readonly id: number;
  readonly tone: Tone;
  readonly text: string;
}

const toasts = signal<readonly Toast[]>([]);
let next = 1;

/** Says what was done, or what went wrong with it, for some seconds. */
export function say(tone: Tone, text: string): void {
  const id = next++;
  toasts.value = [...toasts.value, { id, tone, text }].slice(-SHOWN);
  setTimeout(() => forget(id), GONE_AFTER_MS);
}

function forget(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, tone, text }) => (
        <Note
          key={id}
          tone={tone}
          action={
            <button
              type="button"
              class="button plain"
              aria-label="Close this message"
              onClick={() => forget(id)}
            >
              ✕
            </button>
          }
        >
          {text}
        </Note>
      ))}
    </div>
  );
}
