import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { ERROR_CODES } from '#errors'
import { makeClone } from './support/make-clone.ts'
import { needs, ROOT } from './support/places.ts'
import { type Example, readDocumentedExamples, readSourceExamples } from './support/read-examples.ts'
import { type CliResult, resultOf } from './support/run-cli.ts'
import { useOwnHome } from './support/own-home.ts'

useOwnHome()

async function run(example: Example, clone: string): Promise<CliResult> {
  const env = { ...process.env, PATH: `${clone}/bin:${process.env['PATH'] ?? ''}`, XDG_CACHE_HOME: `${clone}/cache` }
  if (example.language === 'ts') writeFileSync(join(clone, 'example.mts'), example.text)
  const [program, ...args] =
    example.language === 'ts' ? [process.execPath, 'example.mts'] : ['bash', '-e', '-o', 'pipefail', '-c', example.text]
  return await resultOf(spawn(program ?? '', args, { cwd: clone, env, stdio: ['ignore', 'pipe', 'pipe'] }))
}

/** Commands behind `$ `, each with what it prints. */
function dialogue(text: string): readonly (readonly [command: string, output: string])[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n')
      return [part.slice(0, end), part.slice(end + 1)] as const
    })
}

const examples = [...readSourceExamples(ROOT), ...readDocumentedExamples(ROOT)]

test('there are examples in the documentation and in the sources', () => {
  for (const part of ['docs/', 'README.md', 'src/docker-tools/']) {
    assert.ok(
      examples.some(({ place }) => place.startsWith(part)),
      part,
    )
  }
})

suite('the examples', { concurrency: 2 }, () => {
  for (const example of examples) {
    test(`the example works: ${example.place}`, needs(...example.needs), async () => {
      await using clone = await makeClone()
      if (example.language !== 'console') {
        const { status, stderr } = await run(example, clone.path)
        assert.equal(status, 0, stderr)
        return
      }
      for (const [command, output] of dialogue(example.text)) {
        const { status, stdout, stderr } = await run({ ...example, text: command }, clone.path)
        assert.equal(status, 0, stderr)
        assert.equal(stdout.toString(), output, command)
      }
    })
  }
})

test('docs/errors.md is what the table of codes says: node tools/generate-docs.mjs writes it', () => {
  const printed = execFileSync(process.execPath, ['--conditions=source', 'tools/generate-docs.mjs', '--print'], {
    cwd: ROOT,
  })
  assert.equal(readFileSync(join(ROOT, 'docs/errors.md'), 'utf8'), printed.toString())
  for (const [code, [status]] of Object.entries(ERROR_CODES)) {
    assert.match(printed.toString(), new RegExp(`^\\| \`${code}\` \\| ${status} \\| `, 'm'))
  }
})

test('docs/api.md is what the declarations and their comments say: node tools/generate-api.mjs writes it', () => {
  const printed = execFileSync(process.execPath, ['tools/generate-api.mjs', '--print'], { cwd: ROOT })
  assert.equal(readFileSync(join(ROOT, 'docs/api.md'), 'utf8'), printed.toString())
})

test('the index of the manual has every function and every page', async () => {
  const index = readFileSync(join(ROOT, 'docs/README.md'), 'utf8')
  const entrance = (await import(pathToFileURL(join(ROOT, 'src/index.ts')).href)) as Readonly<Record<string, unknown>>
  for (const name of Object.keys(entrance)) {
    const page = pageOf(name)
    assert.ok(readFileSync(join(ROOT, 'docs', page), 'utf8').includes(name), `${page} does not tell of ${name}`)
  }
  for (const page of globSync('*.md', { cwd: join(ROOT, 'docs') }))
    assert.ok(page === 'README.md' || index.includes(`](${page})`) || index.includes(`](${page}#`), page)
})

/** The page that the index gives for a function. */
function pageOf(name: string): string {
  const index = readFileSync(join(ROOT, 'docs/README.md'), 'utf8')
  const [, page = ''] = new RegExp(`\\| .*\`${name}\`.* \\| \\[[^\\]]*\\]\\(([\\w-]+\\.md)`).exec(index) ?? []
  assert.ok(page !== '', `${name} has no row`)
  return page
}

interface ArgumentsSchema {
  readonly const?: string
  readonly enum?: readonly string[]
  readonly properties?: Readonly<Record<string, ArgumentsSchema>>
}

test('the page of a function tells of each of its arguments', () => {
  const schema = JSON.parse(readFileSync(join(ROOT, 'schema/definition.json'), 'utf8')) as {
    readonly $defs: Readonly<Record<string, ArgumentsSchema>>
  }
  let count = 0
  for (const { properties } of Object.values(schema.$defs)) {
    const { const: one, enum: several = one === undefined ? [] : [one] } = properties?.['function'] ?? {}
    for (const name of several) {
      const pages = [pageOf(name), ...(pageOf(name) === 'buildLayeredImage.md' ? ['streamLayeredImage.md'] : [])]
      const text = pages.map((page) => readFileSync(join(ROOT, 'docs', page), 'utf8')).join('')
      for (const argument of Object.keys(properties?.['args']?.properties ?? {})) {
        count++
        assert.match(text, new RegExp(`\\b${argument}\\b`), `${pages.join(', ')}: ${name} has an argument ${argument}`)
      }
    }
  }
  assert.ok(count > 90, `${count} arguments`)
})

interface CommandEntry {
  readonly name: string
  readonly load?: () => Promise<{
    readonly options: Readonly<Record<string, { readonly short?: string }>>
    readonly verbs?: Readonly<Record<string, unknown>>
  }>
}

test('docs/command-line.md tells of every command, verb and option', async () => {
  const text = readFileSync(join(ROOT, 'docs/command-line.md'), 'utf8')
  const { COMMANDS } = (await import(pathToFileURL(join(ROOT, 'src/cli/commands.ts')).href)) as {
    readonly COMMANDS: readonly CommandEntry[]
  }
  const common = text.slice(text.indexOf('\n## Options of all commands\n'))
  for (const { name, load } of COMMANDS) {
    const command = await load?.()
    if (command === undefined) continue
    const start = text.indexOf(`\n## ${name}\n`)
    assert.ok(start >= 0, `${name} has no section`)
    const section = text.slice(start, text.indexOf('\n## ', start + 1))
    for (const verb of Object.keys(command.verbs ?? {}))
      assert.ok(section.includes(`dockertools ${name} ${verb}`), verb)
    for (const [option, { short }] of Object.entries(command.options)) {
      const place = section + common
      assert.ok(place.includes(`--${option}`), `${name} --${option}`)
      if (short !== undefined) assert.match(place, new RegExp(`[\`[ ]-${short}\\b`), `${name} -${short}`)
    }
    for (const [, option = ''] of section.matchAll(/^\|[^|]*`--([\w-]+)/gm))
      assert.ok(Object.hasOwn(command.options, option), `${name} has no --${option}`)
  }
})

test('the list of decisions has each of them', () => {
  const list = readFileSync(join(ROOT, 'docs/decisions/README.md'), 'utf8')
  for (const file of globSync('[0-9]*.md', { cwd: join(ROOT, 'docs/decisions') })) {
    const [, number = '', title = ''] =
      /^# (\d{4}):? (.*)$/m.exec(readFileSync(join(ROOT, 'docs/decisions', file), 'utf8')) ?? []
    assert.ok(list.includes(`| [${number}](${file}) | ${title} |`), file)
  }
})

test('links between the documents lead somewhere', () => {
  const files = execFileSync('find', ['.', '-name', '*.md', '-not', '-path', '*/node_modules/*'], { cwd: ROOT })
  for (const file of files.toString().trim().split('\n')) {
    const text = readFileSync(join(ROOT, file), 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '')
    for (const [, target = ''] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      assert.ok(existsSync(join(ROOT, file, '..', target)), `${file} links to ${target}`)
    }
  }
})
