import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The test that builds all examples and shows all assertions. */
export const EXAMPLES_TEST = 'test/e2e/nixpkgs-examples.test.ts'

/** How what is here compares with the original. */
export type Verdict = 'same' | 'better' | 'differs'

/** What is compared, how, and why it differs. Only where it is the same there may be nothing to say. */
export interface Row {
  readonly verdict: Verdict
  readonly here?: string
}

export interface Assertion extends Row {
  /** The number: T, N, X, O for upstream's four tests, as they follow each other there. */
  readonly id: string
  readonly says: string
}

export interface Example extends Row {
  readonly name: string
  /** Numbers of assertions that use it. Without any, it is loaded into an engine by itself. */
  readonly assertions: readonly string[]
}

/** A row about an argument, or another subject. */
export interface SubjectRow extends Row {
  readonly subject: string
  /** Tests that show it: numbers of assertions, or `FILE: NAME`, where `${…}` in the name stands for anything. */
  readonly tests: readonly string[]
}

export interface Section {
  readonly title: string
  /** Functions whose arguments the rows are about. */
  readonly functions?: readonly string[]
  /** Sections that tell of arguments that this one does not name. */
  readonly like?: readonly string[]
  readonly text?: string
  readonly subject?: string
  readonly rows?: readonly SubjectRow[]
}

/** What docs/parity/*.json have. */
export interface ParityData {
  readonly intro: string
  readonly sections: readonly Section[]
  readonly assertions: readonly Assertion[]
  readonly examples: readonly Example[]
}

/** Whether a test is named by the number of an assertion. */
export function isAssertion(test: string): boolean {
  return /^[TNXO]\d+$/.test(test)
}

/** @param root The project's folder. */
export function readParityData(root: string): ParityData {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(root, 'docs/parity', name), 'utf8'))
  return {
    ...(read('functions.json') as Pick<ParityData, 'intro' | 'sections'>),
    assertions: read('assertions.json') as readonly Assertion[],
    examples: read('examples.json') as readonly Example[],
  }
}
