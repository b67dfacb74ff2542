import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from './command.ts'
import { COMMANDS } from './commands.ts'
import { commandHelp } from './help.ts'
import { parseCommandLine } from './parse-command-line.ts'

const command: Command = {
  name: 'try',
  usage: 'FILE…',
  summary: 'Try',
  description: 'Tries.',
  positionals: [1, 2],
  options: {
    output: { type: 'string', short: 'o', valueName: 'FILE', description: 'Where to' },
    store: { type: 'string', multiple: true, valueName: 'URL', description: 'Where from' },
    quiet: { type: 'boolean', short: 'q', description: 'Be quiet' },
    help: { type: 'boolean', short: 'h', description: 'Help' },
  },
  examples: [],
  run: () => Promise.resolve(),
}

test('options may stand anywhere, in every form', () => {
  for (const args of [
    ['-o', 'x', 'file', '-q'],
    ['-ox', '-q', 'file'],
    ['-qox', 'file'],
    ['--output', 'x', '--quiet', 'file'],
    ['file', '--output=x', '-q'],
  ]) {
    assert.deepEqual(parseCommandLine(command, args), { values: { output: 'x', quiet: true }, positionals: ['file'] })
  }
})

test('an option that may be given many times is a list; behind -- nothing is an option', () => {
  const { values, positionals } = parseCommandLine(command, ['--store', 'a', '--store=b', '--', '--quiet'])
  assert.deepEqual({ ...values }, { store: ['a', 'b'] })
  assert.deepEqual(positionals, ['--quiet'])
})

test('- is a positional, and a value may begin with a dash where it is joined', () => {
  assert.deepEqual(parseCommandLine(command, ['-']).positionals, ['-'])
  assert.equal(parseCommandLine(command, ['f', '--output=-x']).values['output'], '-x')
})

test('--help is taken without the arguments that the command needs', () => {
  assert.deepEqual(parseCommandLine(command, ['--help']).values, { help: true })
})

test('mistakes are told with what would be right', () => {
  const mistakes: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [['f', '--qiet'], /no option "--qiet", the nearest is "--quiet"/],
    [['f', '-x'], /no option "-x"$/],
    [['f', '--output'], /"--output": its value FILE is missing/],
    [['f', '--output='], /"--output": its value FILE is empty/],
    [['f', '-o', ''], /"-o": its value FILE is empty/],
    [['f', '--quiet=no'], /"--quiet" with a value/],
    [['f', '-o', 'a', '--output', 'b'], /"--output" twice/],
    [[], /takes 1 to 2 arguments, 0 are given/],
    [['a', 'b', 'c'], /takes 1 to 2 arguments, 3 are given/],
    [['f', '--__proto__', 'x'], /no option/],
    [['f', '--constructor'], /no option/],
  ]
  for (const [args, message] of mistakes) {
    assert.throws(() => parseCommandLine(command, args), { code: 'USAGE', message }, args.join(' '))
  }
})

test('every built command tells all its options and examples in help', async () => {
  for (const { name, load } of COMMANDS) {
    if (load === undefined) continue
    const built = await load()
    assert.equal(built.name, name)
    const help = commandHelp(built)
    for (const [option, { description }] of Object.entries(built.options)) {
      assert.ok(help.includes(`--${option}`) && help.includes(description), `${name} --${option}`)
    }
    assert.ok(built.examples.length > 0)
    for (const [line] of built.examples) assert.match(line, new RegExp(`(^|\\| |<\\()dockertools ${name}( |$)`))
    for (const line of help.split('\n')) assert.equal(line, line.trimEnd())
  }
})
