import type { Subscriber } from 'rxjs';
import { Observable } from 'rxjs/internal/Observable';

/**
 * A hot stream that is told everything by its owner. It does what RxJS's Subject does for its
 * subscribers, and less for each value: a Subject makes a closure and an iterator per value, which costs
 * more than applying and logging the write that it tells of.
 */
export class Emitter<T> {
  /** Replaced, never changed: who subscribes while a value is told is told from the next one on. */
  #subscribers: readonly Subscriber<T>[] = [];
  #completed = false;
  readonly observable: Observable<T> = new Observable<T>((subscriber) => {
    if (this.#completed) {
      subscriber.complete();
      return;
    }
    this.#subscribers = [...this.#subscribers, subscriber];
    subscriber.add(() => {
      this.#subscribers = this.#subscribers.filter((other) => other !== subscriber);
    });
  });

  /** Whether anybody is told. */
  get observed(): boolean {
    return this.#subscribers.length > 0;
  }

  next(value: T): void {
    const subscribers = this.#subscribers;
    for (let index = 0; index < subscribers.length; index++)
      (subscribers[index] as Subscriber<T>).next(value);
  }

  /** Completes those who are subscribed, and at once those who come later. */
  complete(): void {
    this.#completed = true;
    for (const subscriber of this.#subscribers) subscriber.complete();
  }
}
