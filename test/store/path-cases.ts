import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A derivation, told once for Nix and once for us. `@{ID}` and `@{ID.OUTPUT}` in a text stand for a path of another case. */
export interface DerivationCase {
  readonly id: string
  readonly name: string
  readonly system?: string
  readonly builder?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly outputs?: readonly string[]
  readonly fixed?: { readonly mode: 'flat' | 'recursive'; readonly algorithm: 'md5' | 'sha1' | 'sha256' | 'sha512' }
}

/** A text added by `builtins.toFile`. */
export interface TextCase {
  readonly id: string
  readonly name: string
  readonly text: string
}

/** Makes the files and trees that `nix-store --add` is given; their names are those of the store paths. */
export function makeTrees(folder: string): string[] {
  const names: string[] = []
  const place = (name: string): string => {
    names.push(name)
    return join(folder, name)
  }
  for (const size of [0, 1, 7, 8, 9, 15, 16, 17, 4096, 1_048_577]) file(place(`size-${size}`), 'x'.repeat(size))
  for (const mode of [0o400, 0o755, 0o700, 0o655, 0o500]) file(place(`mode-${mode.toString(8)}`), 'mode', mode)
  for (const name of ['a', '+', 'a.b-c_d?e=f+g', 'N'.repeat(211), '0']) file(place(name), 'the same')
  symlinkSync('/nowhere/at all', place('dangling'))
  mkdirSync(place('empty-folder'))
  const order = place('names')
  mkdirSync(order)
  for (const name of [
    'a',
    'B',
    '_',
    '-',
    'a.b',
    'a-b',
    'ab',
    'ä',
    '😀',
    'ﬀ',
    ' ',
    '\n',
    '"',
    '\\',
    '.hidden',
    '...',
    '~',
  ]) {
    file(join(order, name), name)
  }
  const bytes = place('bytes')
  mkdirSync(bytes)
  for (const byte of [0x01, 0x7f, 0x80, 0xc3, 0xff]) {
    file(Buffer.concat([Buffer.from(`${bytes}/b`), Buffer.from([byte])]), String(byte))
  }
  const deep = place('deep')
  mkdirSync(join(deep, ...Array.from({ length: 60 }, () => 'd')), { recursive: true })
  const many = place('many')
  mkdirSync(many)
  for (let index = 0; index < 300; index++)
    file(join(many, `f${index}`), String(index), index % 3 === 0 ? 0o755 : 0o644)
  const mixed = place('mixed')
  mkdirSync(join(mixed, 'bin'), { recursive: true })
  file(join(mixed, 'bin/run'), '#!/bin/sh\n', 0o755)
  symlinkSync('bin/run', join(mixed, 'run'))
  symlinkSync('../..', join(mixed, 'bin/up'))
  symlinkSync('ü\n', join(mixed, 'odd target'))
  return names
}

function file(path: string | Buffer, content: string | Uint8Array, mode = 0o644): void {
  writeFileSync(path, content)
  chmodSync(path, mode)
}

export const TEXTS: readonly TextCase[] = [
  { id: 't-empty', name: 'empty', text: '' },
  { id: 't-plain', name: 'plain.txt', text: 'text\n' },
  { id: 't-odd', name: 'odd', text: 'ä"\\\n\t😀' },
  { id: 't-one', name: 'one', text: 'see @{t-plain}' },
  { id: 't-two', name: 'two', text: '@{t-plain} @{t-empty} @{t-plain}' },
  { id: 't-chain', name: 'chain', text: '@{t-two}/x' },
  { id: 't-same', name: 'same', text: 'see @{t-plain}' },
]

export const DERIVATIONS: readonly DerivationCase[] = [
  { id: 'plain', name: 'plain' },
  { id: 'args', name: 'args', args: ['-e', '', 'a "b" \\ \n\r\t$', 'ä😀'] },
  { id: 'env', name: 'env', env: { Z: '', a: '1', ä: '2', '😀': '3', ﬀ: '4', A: 'line\nline' } },
  { id: 'system', name: 'system', system: 'aarch64-linux' },
  { id: 'outputs', name: 'outputs', outputs: ['out', 'dev', 'lib'] },
  { id: 'order', name: 'order', outputs: ['z', 'a', 'out'] },
  { id: 'no-out', name: 'no-out', outputs: ['bin', 'doc'] },
  { id: 'source', name: 'source', env: { src: '@{t-plain}' } },
  { id: 'sources', name: 'sources', args: ['@{t-one}', '@{t-empty}'], env: { src: '@{t-two}' } },
  { id: 'fixed-flat', name: 'fixed-flat', fixed: { mode: 'flat', algorithm: 'sha256' } },
  { id: 'fixed-nar', name: 'fixed-nar', fixed: { mode: 'recursive', algorithm: 'sha256' } },
  { id: 'fixed-sha1', name: 'fixed-sha1', fixed: { mode: 'flat', algorithm: 'sha1' } },
  { id: 'fixed-sha1-nar', name: 'fixed-sha1-nar', fixed: { mode: 'recursive', algorithm: 'sha1' } },
  { id: 'fixed-sha512', name: 'fixed-sha512', fixed: { mode: 'recursive', algorithm: 'sha512' } },
  { id: 'fixed-md5', name: 'fixed-md5', fixed: { mode: 'flat', algorithm: 'md5' } },
  { id: 'mirror-a', name: 'same.tar', args: ['a'], fixed: { mode: 'flat', algorithm: 'sha256' } },
  { id: 'mirror-b', name: 'same.tar', args: ['b'], fixed: { mode: 'flat', algorithm: 'sha256' } },
  { id: 'uses-mirror-a', name: 'uses-mirror', env: { src: '@{mirror-a.out}' } },
  { id: 'uses-mirror-b', name: 'uses-mirror', env: { src: '@{mirror-b.out}' } },
  { id: 'uses-both-mirrors', name: 'both', env: { a: '@{mirror-a.out}', b: '@{mirror-b.out}' } },
  { id: 'one-input', name: 'one-input', env: { input: '@{plain.out}' } },
  {
    id: 'two-inputs',
    name: 'two-inputs',
    args: ['@{env.out}/bin/x'],
    env: { input: '@{plain.out}', src: '@{t-plain}' },
  },
  { id: 'one-of-three', name: 'one-of-three', env: { input: '@{outputs.dev}' } },
  { id: 'three-of-three', name: 'three', env: { input: '@{outputs.lib} @{outputs.dev} @{outputs.out}' } },
  { id: 'diamond', name: 'diamond', outputs: ['out', 'x'], env: { a: '@{one-input.out}', b: '@{two-inputs.out}' } },
  {
    id: 'top',
    name: 'top',
    env: { d: '@{diamond.x}', f: '@{fixed-nar.out}', p: '@{plain.out}', m: '@{uses-mirror-b.out}' },
  },
  {
    id: 'fixed-of-built',
    name: 'fetched',
    env: { tool: '@{plain.out}' },
    fixed: { mode: 'recursive', algorithm: 'sha256' },
  },
  { id: 'above-fixed', name: 'above', env: { a: '@{fixed-of-built.out}', b: '@{no-out.doc}' } },
]

/** Files added by `nix-store --add-fixed`, in every way. */
export const FIXED_ALGORITHMS = ['md5', 'sha1', 'sha256', 'sha512'] as const
export const FIXED_FILES = ['size-0', 'mode-755', 'size-4096'] as const
