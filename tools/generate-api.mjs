// Writes docs/api.md from the declarations of everything that src/index.ts exports, and from their comments; with
// --print it only shows what it would write. Run it as: node tools/generate-api.mjs
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Where exports come from, in the order of the page. */
const SECTIONS = {
  '#docker-tools': 'Images',
  '#derivation': 'Builders',
  '#packages': 'Packages',
  '#registry': 'Registries',
  '#runner': 'Runners',
  '#layering': 'Layering',
  '#archive': 'Archives',
  '#errors': 'Errors',
  '#events': 'Events',
  '#util': 'Sinks',
}

const HEAD = `# API reference

<!-- Written by tools/generate-api.mjs from the comments in src. -->

Everything that \`import … from 'dockertools'\` gives, as its declarations say it. The pages of the
[manual](README.md) say it at more length, with examples; [errors.md](errors.md) lists the codes.
`

/** How the tags of comments are told. */
const FACTS = {
  param: 'Takes',
  returns: 'Returns',
  throws: 'Throws',
  see: 'See',
  remarks: 'Note',
  deprecated: 'Deprecated',
}

const declarations = emitDeclarations()
try {
  const page = HEAD + readSections().map(sectionText).join('')
  if (process.argv.includes('--print')) process.stdout.write(page)
  else writeFileSync(join(ROOT, 'docs/api.md'), page)
} finally {
  rmSync(declarations, { recursive: true, force: true })
}

function emitDeclarations() {
  const folder = mkdtempSync(join(tmpdir(), 'declarations-'))
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  const result = spawnSync(tsc, ['-p', 'tsconfig.build.json', '--outDir', folder], { cwd: ROOT, stdio: 'inherit' })
  if (result.status === 0) return folder
  rmSync(folder, { recursive: true, force: true })
  process.exit(result.status ?? 1)
}

/** The exports of the package by the folder they come from, values before types, each by name. */
function readSections() {
  const sections = Object.entries(SECTIONS).map(([from, title]) => ({ from, title, exports: [] }))
  for (const { name, inner, isType, from } of readExports(join(declarations, 'index.d.ts'))) {
    const section = sections.find((one) => one.from === from)
    if (section === undefined) throw new Error(`Cannot place "${name}": ${from} has no section`)
    section.exports.push({ name, isType, found: renamed(findDeclaration(doorOf(from), inner), inner, name) })
  }
  for (const { exports } of sections) {
    exports.sort((a, b) => Number(a.isType) - Number(b.isType) || (a.name < b.name ? -1 : 1))
  }
  return sections.filter(({ exports }) => exports.length > 0)
}

function doorOf(from) {
  const file = join(declarations, `${from.slice(1)}.d.ts`)
  return existsSync(file) ? file : join(declarations, from.slice(1), 'index.d.ts')
}

/** What `export { … } from …` passes on. */
function readExports(file) {
  const text = readFileSync(file, 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '')
  return [...text.matchAll(/export (type )?\{([^}]*)\} from '([^']*)'/g)].flatMap(([, all, list, from]) =>
    list
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
      .map((item) => {
        const [inner, name = inner] = item.replace(/^type /, '').split(' as ')
        return { name, inner, isType: all !== undefined || item.startsWith('type '), from }
      }),
  )
}

/** With the name that the package gives it. */
function renamed({ comment, text }, inner, name) {
  return { comment, text: text.replaceAll(new RegExp(`\\b${inner}\\b`, 'g'), name) }
}

/** The declaration of a name, and the comment before it, wherever the name comes from. */
function findDeclaration(file, name) {
  const own = statementsOf(file).filter((statement) => statement.name === name)
  if (own.length > 0) {
    const comment = own.find((statement) => statement.comment !== undefined)?.comment
    if (comment === undefined) throw new Error(`Cannot document "${name}": it has no comment in ${file}`)
    return { comment, text: own.map((statement) => statement.text).join('\n') }
  }
  const passed = readExports(file).find((one) => one.name === name)
  if (passed === undefined) throw new Error(`Cannot find "${name}" in ${file}`)
  const { from, inner } = passed
  const next = from.startsWith('#') ? doorOf(from) : join(dirname(file), from.replace(/\.ts$/, '.d.ts'))
  return findDeclaration(next, inner)
}

/** Exported declarations of a file, each with the comment before it. */
function statementsOf(file) {
  const found = []
  const lines = readFileSync(file, 'utf8').split('\n')
  let comment = []
  for (let at = 0; at < lines.length; at++) {
    if (lines[at].startsWith('/**')) {
      comment = []
      while (!lines[at].trimEnd().endsWith('*/')) comment.push(lines[at++])
      comment.push(lines[at])
      continue
    }
    const [, name] =
      /^export (?:declare )?(?:abstract )?(?:function|const|class|interface|type) (\w+)/.exec(lines[at]) ?? []
    if (name === undefined) continue
    const start = at
    while (!isWhole(lines.slice(start, at + 1))) at++
    const text = lines
      .slice(start, at + 1)
      .filter((line) => !/^ +#private;$/.test(line))
      .map((line) => line.replace(/^(?: {4})+/, (indent) => ' '.repeat(indent.length / 2)).replace(/[; ]+$/, ''))
      .join('\n')
      .replace(/^export (?:declare )?/, '')
    const inner = comment
      .join('\n')
      .replace(/^\/\*\*/, '')
      .replace(/\*\/$/, '')
    found.push({ name, text, comment: comment.length === 0 ? undefined : inner })
    comment = []
  }
  return found
}

/** Whether a declaration has its end: a semicolon or brace with nothing open. */
function isWhole(lines) {
  const text = lines
    .join('\n')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .trimEnd()
  const depth = [...text].reduce((sum, one) => sum + (one === '{' ? 1 : one === '}' ? -1 : 0), 0)
  return depth === 0 && /[;}]$/.test(text)
}

function sectionText({ title, exports }) {
  return `\n## ${title}\n${exports.map(entryText).join('')}`
}

function entryText({ name, found: { comment, text } }) {
  const parts = comment
    .replaceAll(/^ *\* ?/gm, '')
    .trim()
    .split(/^(?=@\w)/m)
  const [lead, ...tags] = parts[0].startsWith('@') ? ['', ...parts] : parts
  const blocks = [`### ${name}`, prose(lead), `\`\`\`ts no-run\n${text}\n\`\`\``]
  const facts = tags.filter((tag) => !tag.startsWith('@example')).map(factText)
  if (facts.length > 0) blocks.push(facts.join('\n'))
  blocks.push(...tags.filter((tag) => tag.startsWith('@example')).map(exampleText))
  return `\n${blocks.filter((block) => block !== '').join('\n\n')}\n`
}

/** A tag as an item of a list. */
function factText(tag) {
  const [, kind, body] = /^@(\w+)\s*([\s\S]*)$/.exec(tag)
  const label = FACTS[kind]
  if (label === undefined) throw new Error(`Cannot show "@${kind}": it is no tag that this page knows`)
  const text = prose(body).replaceAll(/\s+/g, ' ')
  if (kind === 'param') return `- **${label}** ${text.replace(/^(\w+)(?: -)? ?/, '`$1`: ')}`
  if (kind === 'throws') return `- **${label}** ${text.replace(/^\{(\w+)\} ?/, '`$1` ')}`
  return `- **${label}** ${text}`
}

/** Examples are run where they stand, in the sources. */
function exampleText(tag) {
  const [, title, code] = /^@example *([^\n]*)\n([\s\S]*)$/.exec(tag)
  return `${title === '' ? 'Example:' : `${title}:`}\n\n${prose(code).replace(/^```(\w+).*$/m, '```$1 no-run')}`
}

function prose(text) {
  return text
    .trim()
    .replaceAll(/ +$/gm, '')
    .replaceAll(/\{@link (\w+)\}/g, '`$1`')
}
