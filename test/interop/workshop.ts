import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, symlink, writeFile } from 'node:fs/promises'
import { copyFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { makeTempDir } from '#util'
import { BUSYBOX } from './needs.ts'
import { type Command, run } from './run.ts'

/** The built program, as users start it. */
const PROGRAM = fileURLToPath(new URL('../../bin/dockertools.js', import.meta.url))

/** Names that busybox answers to in the images. */
const APPLETS = ['cat', 'env', 'find', 'id', 'ls', 'readlink', 'sh', 'sort', 'stat']

type Args = Readonly<Record<string, unknown>>

/** A temp folder with the program under test. */
export interface Workshop extends AsyncDisposable {
  readonly path: string
  /** Writes a definition and gives its path. */
  define(name: string, functionName: 'streamLayeredImage' | 'buildLayeredImage', args: Args): Promise<string>
  /** A call of dockertools, in the folder. */
  command(...args: readonly string[]): Command
  /** `dockertools stream` of `args` into `NAME.tar`; gives the file's path. */
  stream(name: string, args: Args, ...options: readonly string[]): Promise<string>
  /** `dockertools build` of `args` into `FILE`; gives the file's path. */
  build(file: string, args: Args, ...options: readonly string[]): Promise<string>
}

/** Makes a workshop with a folder `busybox` that can be the contents of an image. */
export async function makeWorkshop(): Promise<Workshop> {
  const temp = await makeTempDir('interop-')
  const path = temp.path
  const folders = { HOME: join(path, 'home'), XDG_CACHE_HOME: join(path, 'cache'), XDG_DATA_HOME: join(path, 'data') }
  const env = { ...process.env, ...folders, CI: '1' }
  const command = (...args: readonly string[]): Command => ({
    program: process.execPath,
    args: [PROGRAM, ...args],
    env,
    cwd: path,
  })
  const define: Workshop['define'] = async (name, functionName, args) => {
    const file = join(path, `${name}.json`)
    await writeFile(file, JSON.stringify({ function: functionName, args: { tag: 'v1', ...args } }))
    return file
  }
  return {
    path,
    define,
    command,
    async stream(name, args, ...options) {
      const definition = await define(name, 'streamLayeredImage', { name, ...args })
      const file = join(path, `${name}.tar`)
      await using output = await open(file, 'w')
      await run({ ...command('stream', definition, ...options), output: output.fd })
      return file
    },
    async build(file, args, ...options) {
      const [name = file] = file.split('.')
      const definition = await define(name, 'buildLayeredImage', { name, ...args })
      await run(command('build', definition, '-o', join(path, file), ...options))
      return join(path, file)
    },
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  }
}

/** Puts busybox under its names into `FOLDER/bin`. */
export async function addBusybox(folder: string): Promise<void> {
  await mkdir(join(folder, 'bin'), { recursive: true })
  await copyFile(BUSYBOX, join(folder, 'bin/busybox'))
  for (const applet of APPLETS) await symlink('busybox', join(folder, 'bin', applet))
}

/** Writes files with their folders; a text is the content. */
export async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
  }
}

/** `sha256:…` of a file. */
export async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return `sha256:${hash.digest('hex')}`
}
