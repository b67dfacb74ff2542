import { EXAMPLES_TEST, isAssertion, type ParityData, type Row, type Section } from './parity-data.ts'

/**
 * The text of docs/parity.md.
 *
 * @throws {Error} Where a cell would be empty.
 */
export function parityDocument(data: ParityData): string {
  const parts = [
    `${data.intro}\n\n<!-- Written by tools/parity.ts from docs/parity/*.json. -->\n`,
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
        [subject ?? '', 'here', 'shown by'],
        rows.map((row) => [row.subject, verdictOf(row), proofOf(row.tests)]),
      ),
    )
  return `${parts.join('\n\n')}\n`
}

function examplesText({ examples }: ParityData): string {
  const rows = examples.map((example) => [
    `[\`${example.name}\`](../examples/nixpkgs/${example.name}.ts)`,
    verdictOf(example),
    example.assertions.length === 0 ? 'is loaded' : example.assertions.join(', '),
  ])
  return `## Examples

Each of upstream's examples is a definition of that name, made of programs of this machine in place of nixpkgs'. Each is
built and looked into by [a test](../${EXAMPLES_TEST}); the last column has the assertions below that use it.

${table(['example', 'here', 'shown by'], rows)}
`
}

function assertionsText({ assertions }: ParityData): string {
  const rows = assertions.map((assertion) => [assertion.id, assertion.says, verdictOf(assertion)])
  return `## Assertions

What upstream's four NixOS tests assert: T is \`docker-tools.nix\`, N \`docker-tools-nix-shell.nix\`, X
\`docker-tools-cross.nix\`, O \`docker-tools-overlay.nix\`. Each is [a test](../${EXAMPLES_TEST}) of its number, in a Docker
engine that the test starts.

${table(['number', 'assertion', 'here'], rows)}
`
}

/** The verdict, and what there is to say. */
function verdictOf({ verdict, here }: Row): string {
  if (here === undefined && verdict !== 'same') throw new Error(`A row is "${verdict}" and does not say why`)
  return here === undefined ? `*${verdict}*` : `*${verdict}*: ${here}`
}

/** Numbers of assertions, and the files of other tests. */
function proofOf(tests: readonly string[]): string {
  const files = tests.map((test) => test.split(': ')[0] ?? '').filter((file) => !isAssertion(file))
  const links = [...new Set(files)].map((file) => {
    const name = file.replace(/^(src|test)\//, '').replace(/\.test\.ts$/, '')
    return `[${name}](../${file})`
  })
  return [...tests.filter(isAssertion), ...links].join(', ')
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const empty = [header, ...rows].find((row) => row.some((cell) => cell.trim() === ''))
  if (empty !== undefined) throw new Error(`A cell is empty: ${empty.join(' | ')}`)
  return [lineOf(header), `|${header.map(() => '---').join('|')}|`, ...rows.map(lineOf)].join('\n')
}

function lineOf(row: readonly string[]): string {
  return `| ${row.join(' | ')} |`
}
