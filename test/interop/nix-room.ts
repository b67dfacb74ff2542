import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, run } from './run.ts'
import { startProcess } from './start-process.ts'
import { until } from './until.ts'

const SCRIPT = fileURLToPath(new URL('nix-room.sh', import.meta.url))
const PROJECT = fileURLToPath(new URL('../..', import.meta.url))

const SETTINGS = `
experimental-features = nix-command
substituters =
sandbox = false
build-users-group =
`

/** The user that owns nothing. */
const NOBODY = '65534'

/**
 * A root with a real `/nix/store` in it, made by a real Nix and seen by nobody
 * outside. There, `/lab` is the folder it was made for, `/project` this
 * project, and `/node` the Node that runs the tests: all can be read by everyone.
 */
export interface NixRoom extends AsyncDisposable {
  /** A call, in `/lab`. */
  command(...words: readonly string[]): Command
  /** The same as an ordinary user. */
  commandAsNobody(...words: readonly string[]): Command
  /** Runs a program, and gives what it wrote, without the last line's end. */
  run(...words: readonly string[]): Promise<string>
}

/** The program under test as it is called in the room. */
export const DOCKERTOOLS: readonly string[] = ['/node/bin/node', '/project/bin/dockertools.js']

/** Programs that a room needs. */
export const ROOM_PROGRAMS: readonly string[] = ['nix-store', 'nix', 'unshare', 'nsenter', 'setpriv', 'bash']

/** @param lab An absolute path; gets the folders `home`, `nix` and `root`, and is opened to everyone. */
export async function startNixRoom(lab: string): Promise<NixRoom> {
  await chmod(lab, 0o755)
  for (const folder of ['home', 'nix', 'root']) await mkdir(join(lab, folder))
  await writeFile(join(lab, 'home/nix.conf'), SETTINGS)
  const node = dirname(dirname(process.execPath))
  const holder = startProcess({
    program: 'unshare',
    args: ['--mount', '--', 'sh', SCRIPT, join(lab, 'root'), join(lab, 'nix'), PROJECT, node, lab],
  })
  try {
    await until('the room', async () => {
      if (holder.child.exitCode !== null) throw new Error(`The room could not be made:\n${holder.said()}`)
      return holder.said().includes('ready\n') ? true : undefined
    })
  } catch (error) {
    await holder[Symbol.asyncDispose]()
    throw error
  }
  const enter = (user: readonly string[], cache: string, words: readonly string[]): Command => ({
    program: 'nsenter',
    args: [`--target=${holder.child.pid}`, '--mount', '--', 'env', '-C', '/lab', ...user, ...words],
    env: { PATH: process.env['PATH'], HOME: '/lab/home', NIX_CONF_DIR: '/lab/home', XDG_CACHE_HOME: cache, CI: '1' },
  })
  const nobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
  const command = (...words: readonly string[]): Command => enter([], '/lab/home/cache', words)
  return {
    command,
    commandAsNobody: (...words) => enter(nobody, '/nonexistent', words),
    run: async (...words) => (await run(command(...words))).trimEnd(),
    [Symbol.asyncDispose]: () => holder[Symbol.asyncDispose](),
  }
}
