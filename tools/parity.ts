/**
 * Writes docs/parity.md from docs/parity/*.json and from what tests have shown: an assertion or example whose test has
 * not passed, or does not exist, has no row to give, and is an error.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

type Verdict = 'same' | 'better' | 'differs'

const VERDICTS: readonly string[] = ['same', 'better', 'differs'] satisfies readonly Verdict[]

/** What is compared, how, and why it differs. Only where it is the same there may be nothing to say. */
interface Row {
  readonly verdict: string
  readonly here?: string
}

interface Assertion extends Row {
  /** The number: T, N, X, O for upstream's four tests, as they follow each other there. */
  readonly id: string
  readonly says: string
}

interface Example extends Row {
  readonly name: string
  /** Numbers of assertions that use it. Without any, it is loaded into an engine by itself. */
  readonly assertions: readonly string[]
}

interface Section {
  readonly title: string
  /** The function whose arguments the rows are about. */
  readonly function?: string
  /** Another function that has the arguments that this section does not name. */
  readonly like?: string
  readonly text?: string
  readonly subject?: string
  readonly rows?: readonly (Row & { readonly subject: string })[]
}

/** What docs/parity/*.json have. */
export interface ParityData {
  readonly intro: string
  readonly sections: readonly Section[]
  readonly assertions: readonly Assertion[]
  readonly examples: readonly Example[]
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

/**
 * The text of docs/parity.md.
 *
 * @param passed The numbers of assertions, and names of examples without any, whose tests have passed.
 * @throws Where a cell is empty, or a test has not passed.
 */
export function parityDocument(data: ParityData, passed: ReadonlySet<string>): string {
  const notPassed = [
    ...data.assertions.map(({ id }) => id),
    ...data.examples.flatMap(({ name, assertions }) => (assertions.length === 0 ? [name] : assertions)),
  ].filter((id) => !passed.has(id))
  if (notPassed.length > 0) throw new Error(`No test has shown ${[...new Set(notPassed)].join(', ')}`)
  const parts = [
    `${data.intro.trim()}\n\n<!-- Written by tools/parity.ts from docs/parity/*.json. -->\n`,
    ...data.sections.map(sectionText),
    examplesText(data),
    assertionsText(data),
  ]
  return parts.join('\n')
}

function sectionText({ title, text, subject, rows }: Section): string {
  const parts = [`## ${title}`]
  if (text !== undefined) parts.push(text)
  if (rows !== undefined)
    parts.push(
      table(
        [subject ?? '', '', 'here'],
        rows.map((row) => [row.subject, ...cells(row)]),
      ),
    )
  return `${parts.join('\n\n')}\n`
}

function examplesText({ examples }: ParityData): string {
  const rows = examples.map((example) => [
    `[\`${example.name}\`](../examples/nixpkgs/${example.name}.ts)`,
    ...cells(example),
    example.assertions.length === 0 ? 'is loaded' : example.assertions.join(', '),
  ])
  return `## Examples

Each of upstream's examples is a definition of that name, made of programs of this machine in place of nixpkgs'. The
last column has the assertions below that use it.

${table(['example', '', 'here', 'shown by'], rows)}
`
}

function assertionsText({ assertions }: ParityData): string {
  const rows = assertions.map((assertion) => [assertion.id, assertion.says, ...cells(assertion)])
  return `## Assertions

What upstream's four NixOS tests assert: T is \`docker-tools.nix\`, N \`docker-tools-nix-shell.nix\`, X
\`docker-tools-cross.nix\`, O \`docker-tools-overlay.nix\`. Each is a test of its number in
[\`test/parity\`](../test/parity/assertions.test.ts), in a Docker engine that it starts. This page is written only when
all have passed.

${table(['', 'assertion', '', 'here'], rows)}
`
}

/** The verdict, and what there is to say. */
function cells({ verdict, here }: Row): readonly string[] {
  if (!VERDICTS.includes(verdict)) throw new Error(`"${verdict}" is none of ${VERDICTS.join(', ')}`)
  if (here === undefined && verdict !== 'same') throw new Error(`A row is "${verdict}" and does not say why`)
  return [verdict, here ?? '']
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (row: readonly string[]): string => `|${row.map((cell) => (cell === '' ? ' ' : ` ${cell} `)).join('|')}|`
  return [line(header), `|${header.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}
