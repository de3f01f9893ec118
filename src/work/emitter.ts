import type { Subscriber } from 'rxjs';
import { Observable } from 'rxjs/internal/Observable';

/** A listener is told without what RxJS does for each value of a subscriber: it must not throw. */
export interface Listener<T> {
  next(value: T): void;
  complete(): void;
}

/** A place is where a subscriber stands; empty once it has gone. */
interface Place<T> {
  subscriber: Listener<T> | undefined;
}

/**
 * A hot stream that is told everything by its owner. It does what RxJS's Subject does for its
 * subscribers, and less for each value: a Subject makes a closure and an iterator per value, which costs
 * more than applying and logging the write that it tells of. Coming and going cost the same however many
 * there are.
 */
export class Emitter<T> {
  /** In the order in which they came; places of those who have gone are taken out once they are most. */
  #places: Place<T>[] = [];
  #count = 0;
  /** Counts the values being told, one inside the other: places stay as they are numbered meanwhile. */
  #telling = 0;
  #completed = false;
  readonly observable: Observable<T> = new Observable<T>((subscriber) => this.#enter(subscriber));

  /** Says whether anybody is told. */
  get observed(): boolean {
    return this.#count > 0;
  }

  /** Tells a value to all subscribers; one that comes meanwhile is told from the next value on. */
  next(value: T): void {
    const places = this.#places;
    const end = places.length;
    this.#telling++;
    for (let index = 0; index < end; index++) (places[index] as Place<T>).subscriber?.next(value);
    if (--this.#telling === 0) this.#closeUp();
  }

  /** Completes those who are subscribed, and at once those who come later. */
  complete(): void {
    this.#completed = true;
    for (const { subscriber } of this.#places.slice()) subscriber?.complete();
  }

  /** Tells a listener of this library as a subscriber is told, until what it gives back is called. */
  listen(listener: Listener<T>): () => void {
    if (this.#completed) {
      listener.complete();
      return () => undefined;
    }
    const place: Place<T> = { subscriber: listener };
    this.#places.push(place);
    this.#count++;
    return () => this.#leave(place);
  }

  #enter(subscriber: Subscriber<T>): void {
    subscriber.add(this.listen(subscriber));
  }

  #leave(place: Place<T>): void {
    if (place.subscriber === undefined) return;
    place.subscriber = undefined;
    this.#count--;
    if (this.#telling === 0) this.#closeUp();
  }

  /** Takes out the places of those who have gone, once they are most: each is looked at for one that was left. */
  #closeUp(): void {
    if (this.#count * 2 >= this.#places.length) return;
    this.#places = this.#places.filter(({ subscriber }) => subscriber !== undefined);
  }
}

/** A stream that tells each new subscriber its present value, and then what it becomes. */
export class Present<T> {
  readonly #emitter = new Emitter<T>();
  #value: T;
  readonly observable: Observable<T> = new Observable<T>((subscriber) => {
    const subscription = this.#emitter.observable.subscribe(subscriber);
    if (!subscription.closed) subscriber.next(this.#value);
  });

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  next(value: T): void {
    this.#value = value;
    this.#emitter.next(value);
  }

  /** Completes those who are subscribed, and at once those who come later. */
  complete(): void {
    this.#emitter.complete();
  }
}
