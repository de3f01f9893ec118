/**
 * The contracts of the ports as suites: what a backend, a transport, a carrier or a conflict mode has to keep.
 *
 * A suite takes a factory and gives a list of cases, each a title and a function that rejects when the promise is
 * not kept. So it runs under any test runner: `for (const { title, run } of backendSuite(…)) test(title, run)`.
 *
 * @packageDocumentation
 */
export { backendSuite } from './backend-suite.ts';
export type { BackendSuiteOptions } from './backend-suite.ts';
export type { BackendPlace } from './backend-cases.ts';
export { carrierSuite } from './carrier-suite.ts';
export type { CarrierSuiteOptions } from './carrier-suite.ts';
export type { CarrierPlace } from './carrier-cases.ts';
export type {
  Appended,
  Carried,
  CarriedHead,
  Carrier,
  CarrierLink,
  Headers,
  Subject,
} from '../carrier/carrier.ts';
export { type ConflictRule, conflictModeSuite } from './conflict-mode-suite.ts';
export { transportSuite } from './transport-suite.ts';
export type { TransportSuiteOptions } from './transport-suite.ts';
export type { ContractCase } from './suite.ts';
