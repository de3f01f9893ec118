import type { Observable } from 'rxjs';

/**
 * A stream tells its subscribers, as RxJS does, and can be read at the reader's own pace as well: `for await` does what
 * {@link follow} does without options, from where the loop begins.
 */
export interface Stream<T> extends Observable<T> {
  /** Gives what is told from now on, for `for await`. */
  [Symbol.asyncIterator](): AsyncIterator<T, undefined>;
}
