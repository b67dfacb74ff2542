import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ByteString, makeTempDir, toByteString } from '#util'
import { BinaryFile } from './binary-file.ts'
import { loadObjects } from './load-objects.ts'
import type { LoadedObject } from './loaded-object.ts'
import { describeLoader } from './loader.ts'
import { makeElf } from './make-elf.test.ts'
import { realPathOf } from './normalize-path.ts'
import { isElf, readElf } from './read-elf.ts'

const GLIBC = '/lib64/ld-linux-x86-64.so.2'
const skip = existsSync(GLIBC) && process.arch === 'x64' ? false : 'no glibc for x86-64 here'

/** What we find: names that are needed, with where they really are. */
function ours(path: string): Map<string, string | undefined> {
  const object = (place: ByteString, loadedBy?: LoadedObject): LoadedObject => {
    const realPath = realPathOf(place)!
    using file = BinaryFile.open(realPath)
    return { path: place, realPath, elf: readElf(file!), loadedBy }
  }
  const program = object(toByteString(path))
  const interpreter = program.elf.interpreter!
  const loader = describeLoader(interpreter, program.elf.target)
  const search = { loader, target: program.elf.target, program }
  const { libraries, missing } = loadObjects([program, object(interpreter, program)], [], search)
  return new Map([
    ...libraries.map(({ name, realPath }) => [name, realPath] as const),
    ...missing.map(({ name }) => [name, undefined] as const),
  ])
}

/** What the loader says itself. */
function theirs(path: string): Map<string, string | undefined> {
  const { stdout } = spawnSync(path, [], { encoding: 'utf8', env: { LD_TRACE_LOADED_OBJECTS: '1' } })
  const lines = [...stdout.matchAll(/^\t(\S+) => (not found|\S+)/gm)]
  const missing = lines.filter(([, , place]) => place === 'not found')
  // It goes on after a library that is missing, and may find it for somebody else: run in earnest, it would stop there.
  return new Map([
    ...lines.map(
      ([, name = '', place = '']) => [name, place === 'not found' ? undefined : realpathSync(place)] as const,
    ),
    ...missing.map(([, name = '']) => [name, undefined] as const),
  ])
}

function expectSame(path: string): void {
  const [found, expected] = [ours(path), theirs(path)]
  // The loader lists itself under the path that the program names it by.
  expected.delete(GLIBC)
  found.delete('ld-linux-x86-64.so.2')
  assert.deepEqual(found, expected, path)
}

test('finds for programs of this machine what the loader lists', { skip }, () => {
  const programs = readdirSync('/usr/bin')
    .map((name) => join('/usr/bin', name))
    .filter((path) => isDynamicProgram(path))
  const every = Math.max(1, Math.floor(programs.length / 30))
  const some = programs.filter((_, index) => index % every === 0)
  assert.ok(some.length >= 10)
  for (const path of some) expectSame(path)
})

function isDynamicProgram(path: string): boolean {
  const realPath = realPathOf(toByteString(path))
  // With the rights of another user, a program takes no orders for its loader.
  if (realPath === undefined || (statSync(realPath).mode & 0o6000) !== 0 || !isExecutable(realPath)) return false
  using file = BinaryFile.open(realPath)
  return file !== undefined && isElf(file) && readElf(file).interpreter === GLIBC
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const NAMES = ['liba.so', 'libb.so', 'libc9.so', 'libd.so']
const FOLDERS = ['x', 'y', 'y/z']
const PLACES = [
  ...FOLDERS.flatMap((folder) => [`$ORIGIN/${folder}`, `\${ORIGIN}/../${folder}`, `$ORIGIN/../../${folder}`]),
  '$ORIGIN',
  '$ORIGIN/$LIB',
  '$ORIGINAL',
  '/nowhere',
  '',
]
const pathList = fc.array(fc.constantFrom(...PLACES), { maxLength: 3 }).map((places) => places.join(':'))
const linked = fc.record(
  {
    needed: fc.array(fc.constantFrom(...NAMES, 'libc.so.6'), { maxLength: 3 }),
    rpath: pathList,
    runpath: pathList,
    flags1: fc.constantFrom(0, 0x800),
  },
  { requiredKeys: ['needed'] },
)
const library = fc.record({
  name: fc.constantFrom(...NAMES),
  folder: fc.constantFrom(...FOLDERS, '.', 'lib/x86_64-linux-gnu'),
  soname: fc.constantFrom(undefined, ...NAMES),
  machine: fc.constantFrom(62, 62, 62, 183),
  linked,
})

test('looks where the loader looks, whatever the files ask for', { skip }, async () => {
  await using temp = await makeTempDir('search-')
  let round = 0
  fc.assert(
    fc.property(fc.array(library, { maxLength: 8 }), linked, (libraries, program) => {
      const root = join(realpathSync(temp.path), `r${round++}`, 'p')
      for (const folder of [...FOLDERS, '.', 'lib/x86_64-linux-gnu']) mkdirSync(join(root, folder), { recursive: true })
      for (const { name, folder, soname, machine, linked: rest } of libraries) {
        const own = { ...rest, machine, ...(soname === undefined ? {} : { soname }) }
        writeFileSync(join(root, folder, name), makeElf(own))
      }
      // One more, so that hardly any program needs nothing.
      const needed = [...program.needed, 'liba.so']
      writeFileSync(join(root, 'program'), makeElf({ ...program, needed, interpreter: GLIBC }), { mode: 0o755 })
      expectSame(join(root, 'program'))
      rmSync(root, { recursive: true })
    }),
    { numRuns: Number(process.env['DOCKERTOOLS_PROPERTY_RUNS'] ?? 80) },
  )
})

test('ends where libraries need each other in a circle, and themselves', { skip }, async () => {
  await using temp = await makeTempDir('circle-')
  const put = (name: string, needed: readonly string[]): void =>
    writeFileSync(join(temp.path, name), makeElf({ needed, runpath: '$ORIGIN' }))
  put('liba.so', ['libb.so', 'liba.so'])
  put('libb.so', ['libd.so'])
  put('libd.so', ['liba.so', 'libb.so'])
  const program = join(temp.path, 'program')
  writeFileSync(program, makeElf({ interpreter: GLIBC, needed: ['libd.so'], rpath: '$ORIGIN' }), { mode: 0o755 })
  assert.deepEqual([...ours(program).keys()], ['libd.so', 'liba.so', 'libb.so'])
  expectSame(program)
})

test('reads the folders that the loader has compiled in as the loader tells them', { skip }, () => {
  const help = execFileSync(GLIBC, ['--help'], { encoding: 'utf8' })
  const told = [...help.matchAll(/^ {2}(\/\S+) \(system search path\)$/gm)].map(([, folder]) => folder)
  assert.ok(told.length >= 2)
  const target = { bits: 64, isLittleEndian: true, machine: 62, flags: 0 } as const
  assert.deepEqual(describeLoader(toByteString(GLIBC), target).systemFolders, told)
})
