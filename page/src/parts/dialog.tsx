import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

/** A question above everything else. The browser's own dialog: it holds the focus, and Escape closes it. */
export function Dialog(props: {
  title: string;
  close: () => void;
  children: ComponentChildren;
}): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    element.current?.showModal();
    return () => element.current?.close();
  }, []);
  return (
    <dialog class="dialog" ref={element} aria-labelledby={title} onClose={props.close}>
      <div class="dialog-inside">
        <div class="bar">
          <h2 class="grow" id={title}>
            {props.title}
          </h2>
          <button
            type="button"
            class="button plain"
            aria-label="Close"
            onClick={() => element.current?.close()}
          >
            ✕
          </button>
        </div>
        {props.children}
      </div>
    </dialog>
  );
}
