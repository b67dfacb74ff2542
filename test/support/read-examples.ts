import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** An example in the documentation that is to be run. */
export interface Example {
  /** Where it stands: file and line. */
  readonly place: string
  readonly language: 'sh' | 'ts' | 'console'
  readonly text: string
  /** Programs that it needs: `needs=PROGRAM,PROGRAM` behind its language. */
  readonly needs: readonly string[]
}

/** Examples work on the repository itself, or are tried elsewhere: the two of the README on a fresh clone. */
function isElsewhere(place: string, heading: string, text: string): boolean {
  return (place.startsWith('README.md') && heading === 'Quick start') || text.includes('--conditions=source')
}

/** Every fenced `sh`, `ts` and `console` block of the documentation that has no `no-run` behind its language. */
export function readDocumentedExamples(root: string): readonly Example[] {
  const files = [
    'README.md',
    'CONTRIBUTING.md',
    'ARCHITECTURE.md',
    'examples/README.md',
    ...globSync('docs/**/*.md', { cwd: root }),
  ]
  return files.toSorted().flatMap((file) => readFenced(file, readFileSync(join(root, file), 'utf8')))
}

/** The `@example` of every exported function. */
export function readSourceExamples(root: string): readonly Example[] {
  const files = globSync('src/**/*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts'))
  return files.toSorted().flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8')
    if (!text.includes('@example')) return []
    return readFenced(file, text.replaceAll(/^ ?\* ?/gm, ''))
  })
}

function readFenced(file: string, text: string): Example[] {
  const found: Example[] = []
  let heading = ''
  for (const match of text.matchAll(/^#+ (.*)$|^```(\w+)(.*)\n([\s\S]*?)^```$/gm)) {
    const [, title, language, rest = '', body = ''] = match
    heading = title ?? heading
    if (language !== 'sh' && language !== 'ts' && language !== 'console') continue
    const place = `${file}:${text.slice(0, match.index).split('\n').length}`
    const needs = /\bneeds=(\S+)/.exec(rest)?.[1]?.split(',') ?? []
    if (!rest.includes('no-run') && !isElsewhere(place, heading, body))
      found.push({ place, language, text: body, needs })
  }
  return found
}
