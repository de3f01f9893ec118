import { type Answer, type HealthAnswers, exposition, json } from '../observability/health-answers.ts';
import type { Viewer } from './admission.ts';
import { unauthorized } from './problem.ts';
import { metricsFor, reasonsFor } from './visibility.ts';

/** Answers one path to who asks: undefined is somebody whose credential is not known, or who showed none. */
type Path = (viewer: Viewer | undefined) => Answer | Promise<Answer>;

/**
 * The paths of health and metrics on the HTTP port, with what the health listener answers. That a node lives and is
 * ready is said to whoever asks, because who looks after processes has no credential of a node; why, and all metrics,
 * to those who show one.
 */
export class HealthPaths {
  readonly #paths: ReadonlyMap<string, Path>;

  constructor(answers: HealthAnswers) {
    this.#paths = new Map<string, Path>([
      ['/livez', (viewer) => (viewer?.readsAll === true ? answers.livez() : json(200, { alive: true }))],
      ['/readyz', (viewer) => readyz(answers, viewer)],
      ['/metrics', (viewer) => metrics(answers, viewer)],
    ]);
  }

  /** Finds the answer of a path; undefined for one that is none of these. */
  at(path: string): Path | undefined {
    return this.#paths.get(path);
  }
}

async function readyz(answers: HealthAnswers, viewer: Viewer | undefined): Promise<Answer> {
  if (viewer?.readsAll === true) return answers.readyz();
  const { ready, reasons } = await answers.readiness.check();
  const told = viewer === undefined ? {} : { reasons: reasonsFor(viewer, reasons) };
  return json(ready ? 200 : 503, { ready, ...told });
}

async function metrics(answers: HealthAnswers, viewer: Viewer | undefined): Promise<Answer> {
  if (viewer === undefined) throw unauthorized();
  return exposition(metricsFor(viewer, await answers.metrics()));
}
