import type { ZeekUnderTest } from '../cluster.ts';
export class RealZeek {
  static start(binary: string): Promise<ZeekUnderTest> {
    return Promise.reject(new Error(binary));
  }
}
