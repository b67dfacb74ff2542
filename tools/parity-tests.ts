import { EXAMPLES_TEST, isAssertion, type ParityData } from './parity-data.ts'

/** How a test ended, by tools/test-results.mjs. */
export interface TestResult {
  readonly file: string
  readonly name: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
}

/** A row, and a test that shows it. */
export interface Proof {
  readonly row: string
  readonly file: string
  /** With `${…}` for what differs from test to test. */
  readonly name: string
}

/** The tests behind all rows. */
export function proofsOf({ sections, assertions, examples }: ParityData): readonly Proof[] {
  const ofAssertion = (row: string, id: string): Proof => ({ row, file: EXAMPLES_TEST, name: `${id}: ${says(id)}` })
  const says = (id: string): string => assertions.find((assertion) => assertion.id === id)?.says ?? 'no such assertion'
  return [
    ...sections.flatMap(({ title, rows = [] }) =>
      rows.flatMap(({ subject, tests }) => {
        const row = `${title}, ${subject}`
        if (tests.length === 0) throw new Error(`No test is named for ${row}`)
        return tests.map((test) => (isAssertion(test) ? ofAssertion(row, test) : { row, ...split(test) }))
      }),
    ),
    ...assertions.map(({ id }) => ofAssertion(id, id)),
    ...examples.flatMap(({ name, assertions: ids }) => [
      { row: name, file: EXAMPLES_TEST, name: `${name} builds and shows what it is to show` },
      ...(ids.length > 0
        ? ids.map((id) => ofAssertion(name, id))
        : [{ row: name, file: EXAMPLES_TEST, name: `${name}, which the original only builds, is loaded` }]),
    ]),
  ]
}

function split(test: string): { readonly file: string; readonly name: string } {
  const at = test.indexOf(': ')
  return { file: test.slice(0, at), name: test.slice(at + 2) }
}

/** Whether a file's source has a test of this name, or one that is written with `${…}` in its place. */
export function hasTest(source: string, name: string): boolean {
  const names = [...source.matchAll(/\b(?:test|suite|describe)\(\s*(['"`])((?:\\.|(?!\1).)*)\1/g)]
  return names.some(([, , written = '']) => {
    const plain = written.replaceAll(/\\(['"`])/g, '$1')
    return plain === name || patternOf(plain).test(name)
  })
}

/** What of the table no test has shown: tests that have not passed, have failed, or have been skipped. */
export function rowsNotShown(data: ParityData, results: readonly TestResult[]): readonly string[] {
  return proofsOf(data).flatMap(({ row, file, name }) => {
    const pattern = patternOf(name)
    const found = results.filter((result) => result.file === file && pattern.test(result.name))
    const passed = found.some(({ outcome }) => outcome === 'passed')
    const bad = found.find(({ outcome }) => outcome !== 'passed')
    if (passed && bad === undefined) return []
    return [`${row}: ${file}: ${bad?.name ?? name} ${bad === undefined ? 'was not run' : `is ${bad.outcome}`}`]
  })
}

/** All names that a text with `${…}` in it stands for. */
function patternOf(name: string): RegExp {
  const parts = name.split(/\$\{[^}]*\}/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('[^]*')}$`)
}
