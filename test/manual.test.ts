import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { ROOT } from './support/places.ts'

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

interface Arguments {
  readonly const?: string
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Arguments>>
}

/** The arguments of every function of the schema, by its name. */
const FUNCTIONS: ReadonlyMap<string, Arguments> = new Map(
  Object.values(
    (JSON.parse(read('schema/definition.json')) as { readonly $defs: Readonly<Record<string, Arguments>> }).$defs,
  ).flatMap(({ properties }): [string, Arguments][] => {
    const { const: one, enum: several = one === undefined ? [] : [one] } = properties?.['function'] ?? {}
    return several.map((name) => [name, properties?.['args'] ?? {}])
  }),
)

/** Arguments that JSON has no form for. */
const IN_PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  importPath: ['filter'],
  makeShadowSetup: ['shadow', 'shell'],
}

/** Pages that give what they have beyond another page. */
const BASED_ON: Readonly<Record<string, string>> = { 'buildLayeredImage.md': 'streamLayeredImage.md#arguments' }

type Row = Readonly<Record<string, string>>

/** The rows of every table of a text, by the heads of its columns. */
function tablesOf(text: string): readonly (readonly Row[])[] {
  return [...text.matchAll(/^\|.*\|\n\|[-|: ]+\|\n((?:\|.*\|\n)+)/gm)].map(([table]) => {
    const [head = [], , ...rows] = table
      .trim()
      .split('\n')
      .map((line) =>
        line
          .slice(1, -1)
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim()),
      )
    return rows.map((cells) => Object.fromEntries(head.map((name, index) => [name, cells[index] ?? ''])))
  })
}

/** The names in backticks in a cell. */
function namesIn(cell: string): readonly string[] {
  return [...cell.matchAll(/`([\w$]+)`/g)].map(([, name = '']) => name)
}

/** A page, or its section behind `#`. */
function textAt(place: string): string {
  const [page = '', anchor] = place.split('#')
  const text = read(`docs/${page}`)
  if (anchor === undefined) return text
  const part = text.split(/^(?=#{2,3} )/m).find((one) => anchorOf(/^#+ (.*)/.exec(one)?.[1] ?? '') === anchor)
  assert.ok(part !== undefined, `${place} is not there`)
  return part
}

function anchorOf(heading: string): string {
  return heading
    .replaceAll(/[`*]|\[|\]\([^)]*\)/g, '')
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}

/** Where the index sends readers, and the functions that it sends there. */
function placesOfIndex(): ReadonlyMap<string, readonly string[]> {
  const places = new Map<string, string[]>()
  for (const row of tablesOf(read('docs/README.md')).flat()) {
    const [, place] = /\]\(([\w-]+\.md(?:#[\w-]+)?)\)/.exec(row['page'] ?? '') ?? []
    if (place === undefined || row['function'] === undefined) continue
    places.set(place, [...(places.get(place) ?? []), ...namesIn(row['function'])])
  }
  return places
}

/** What a text says of arguments, in columns whose head begins with that word. */
function argumentRows(text: string): ReadonlyMap<string, Row> {
  return new Map(
    tablesOf(text)
      .flat()
      .flatMap((row) => {
        const column = Object.keys(row).find((head) => head.startsWith('argument'))
        const cell = column === undefined ? '' : (row[column] ?? '')
        return namesIn(cell.split(':')[0] ?? '').map((name): [string, Row] => [name, row])
      }),
  )
}

for (const [place, all] of placesOfIndex()) {
  const functions = all.filter((name) => FUNCTIONS.has(name) || name in IN_PROGRAMS)
  if (functions.length === 0) continue
  test(`docs/${place} has the arguments that ${functions.join(', ')} take, and no others`, () => {
    const base = BASED_ON[place]
    const rows = new Map([...argumentRows(base === undefined ? '' : textAt(base)), ...argumentRows(textAt(place))])
    const known = functions.flatMap((name) => [
      ...Object.keys(FUNCTIONS.get(name)?.properties ?? {}),
      ...(IN_PROGRAMS[name] ?? []),
    ])
    assert.deepEqual([...rows.keys()].toSorted(), [...new Set(known)].toSorted())
    if (functions.length > 2) return
    for (const [name, row] of rows) {
      const told = row['default'] ?? ''
      const isRequired = functions.some((one) => FUNCTIONS.get(one)?.required?.includes(name) === true)
      assert.equal(told.startsWith('required'), isRequired, name)
      const { default: value } = FUNCTIONS.get(functions[0] ?? '')?.properties?.[name] ?? {}
      if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string')
        assert.ok(
          told.replaceAll(/[`"']/g, '').split(/[, ]+/).includes(String(value)),
          `${name}: ${told}, it should be ${value}`,
        )
    }
  })
}

/** The members of a declaration in the reference. */
function membersOf(name: string): readonly string[] {
  const [, body = ''] = new RegExp(`^interface ${name}\\b[^\\n]*\\n([\\s\\S]*?)^}`, 'm').exec(read('docs/api.md')) ?? []
  assert.ok(body !== '', name)
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)]
    .map(([, member = '']) => member)
    .filter((member) => member !== 'function')
}

const TABLES: Readonly<Record<string, readonly [column: string, ...declarations: string[]]>> = {
  'streamLayeredImage.md#options': ['option', 'BuildOptions', 'WriteOptions'],
  'streamLayeredImage.md#the-recipe': ['member', 'Recipe', 'StreamRecipe'],
  'buildLayeredImage.md#result': ['member', 'ArchiveRecipe'],
  'buildImage.md#result': ['member', 'ImageRecipe', 'ImageFileRecipe'],
  'builders.md#realise': ['option', 'RealiseOutputOptions'],
  'exportImage.md#result': ['member', 'ExportRecipe'],
  'exportImage.md#options': ['option', 'ExportOptions'],
  'inspectImages.md#inputs': ['input', 'InspectOptions'],
  'inspectImages.md#outputs': ['member', 'ImageReport'],
  'pushImage.md#options': ['option', 'PushOptions'],
  'pushImage.md#result': ['member', 'PushSummary'],
  'loadImage.md#options': ['option', 'LoadOptions'],
  'loadImage.md#result': ['member', 'LoadedImages'],
}

for (const [place, [column, ...declarations]] of Object.entries(TABLES)) {
  test(`docs/${place} has every member of ${declarations.join(' and ')}`, () => {
    const cells = tablesOf(textAt(place)).flatMap((rows) => rows.map((row) => row[column] ?? ''))
    const told = cells.flatMap((cell) => [...cell.matchAll(/`(?:\w+\.)?(\w+)/g)].map(([, name = '']) => name))
    const isOwn = (name: string): boolean => declarations.some((one) => membersOf(one).includes(name))
    for (const declaration of declarations)
      for (const member of membersOf(declaration)) assert.ok(told.includes(member), `${declaration}.${member}`)
    const others = told.filter((name) => !isOwn(name) && !['others', 'path', 'image'].includes(name))
    assert.deepEqual(others, [])
  })
}

/** Any value that the types let through will do. */
const NEVER_THROW: readonly string[] = ['placeholder', 'setPrio']

test('the reference says of every function what it takes and throws, where it comes from, and shows it', async () => {
  const entrance = (await import(pathToFileURL(join(ROOT, 'src/index.ts')).href)) as Readonly<Record<string, unknown>>
  const entries = new Map(
    read('docs/api.md')
      .split(/^### /m)
      .map((entry) => [entry.slice(0, entry.indexOf('\n')), entry]),
  )
  for (const [name, value] of Object.entries(entrance)) {
    if (typeof value !== 'function' || name.endsWith('Error')) continue
    const entry = entries.get(name) ?? ''
    for (const part of ['- **Takes** ', ...(NEVER_THROW.includes(name) ? [] : ['- **Throws** '])])
      assert.ok(entry.includes(part), `${name}: ${part}`)
    assert.match(entry, /^- \*\*(?:See|Note)\*\* /m, name)
    assert.match(entry, /^```ts no-run\nimport [\s\S]*?\b\w+\b[\s\S]*? from 'dockertools'$/m, name)
    assert.ok((entry.split("from 'dockertools'")[0] ?? '').lastIndexOf(name) > 0, name)
  }
})

test('every argument and option of the reference has a comment', () => {
  for (const [, name = '', body = ''] of read('docs/api.md').matchAll(
    /^interface (\w+(?:Args|Options))\b[^\n]*\n([\s\S]*?)^}/gm,
  )) {
    const bare = [...body.matchAll(/(^.*\n)? {2}readonly (\w+)\??:/gm)].filter(
      ([, before = '']) => !before.trimEnd().endsWith('*/'),
    )
    assert.deepEqual(
      bare.map(([, , member]) => `${name}.${member}`),
      [],
    )
  }
})

test('links into pages lead to a heading', () => {
  for (const file of ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...manualPages()]) {
    const text = read(file).replaceAll(/^```[\s\S]*?^```/gm, '')
    for (const [, page = '', anchor = ''] of text.matchAll(/\]\(([\w./-]*)#([\w-]+)\)/g)) {
      const target = page === '' ? file : join(file, '..', page)
      assert.ok(existsSync(join(ROOT, target)), `${file}: ${target}`)
      const anchors = [...read(target).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading))
      assert.ok(anchors.includes(anchor), `${file} links to ${target}#${anchor}`)
    }
  }
})

function manualPages(): readonly string[] {
  return [...new Set([...read('docs/README.md').matchAll(/\]\(([\w-]+\.md)/g)].map(([, page = '']) => `docs/${page}`))]
}

const STALE =
  /\b(?:not (?:supported|built|implemented) yet|is planned|is not there yet|comes later|will be (?:added|built))\b/i
const CONTRACTION =
  /\b(?:do|does|is|are|was|can|could|would|should|will|has|have|wo)n['’]t\b|\b(?:it|that|there)['’]s\b/i

test('no page promises what is to come, and none has contractions', () => {
  for (const file of [
    'README.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'docs/README.md',
    ...manualPages(),
  ]) {
    const text = read(file).replaceAll(/^```[\s\S]*?^```/gm, '')
    for (const [what, pattern] of Object.entries({ STALE, CONTRACTION }))
      assert.equal(pattern.exec(text)?.[0], undefined, `${file}: ${what}`)
  }
})
