// Adds the same tree of 50,000 small files (200 MB) to a local store and with `nix-store --add`, in pairs, one after
// the other, each to a fresh store: both as users call them. Run, after the build: node --conditions=source bench/store-add.ts [FILES] [PAIRS]
// Files go to the temp folder. On a slow disk, or one that is still writing what the run before it left, measure in
// memory (1 GB): TMPDIR=/dev/shm node --conditions=source bench/store-add.ts
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeTempDir } from '#util'

const files = Number(process.argv[2] ?? 50_000)
const pairs = Number(process.argv[3] ?? 5)
const BYTES_EACH = 4000

await using temp = await makeTempDir('store-add-')
const tree = join(temp.path, 'tree')
const body = Buffer.alloc(BYTES_EACH, 'some text of a small file\n')
for (let index = 0; index < files; index++) {
  if (index % 100 === 0) mkdirSync(join(tree, `d${Math.floor(index / 100)}`), { recursive: true })
  body.writeUInt32LE(index, 0)
  writeFileSync(join(tree, `d${Math.floor(index / 100)}`, `file-${index}`), body)
}
mkdirSync(join(temp.path, 'conf'))
writeFileSync(join(temp.path, 'conf/nix.conf'), 'substituters =\nbuild-users-group =\n')
const environment = { ...process.env, HOME: temp.path, NIX_CONF_DIR: join(temp.path, 'conf') }
const program = fileURLToPath(new URL('../bin/dockertools.js', import.meta.url))

/** Seconds, with the path that came of it; the start of the program counts. */
function measure(command: string, args: readonly string[]): { seconds: number; path: string } {
  const start = performance.now()
  const path = execFileSync(command, args, { env: environment, stdio: ['ignore', 'pipe', 'ignore'] })
  return { seconds: (performance.now() - start) / 1000, path: path.toString().trim() }
}

const ratios: number[] = []
for (let pair = 0; pair < pairs; pair++) {
  const [ours, nix] = [join(temp.path, 'ours'), join(temp.path, 'nix')]
  const runs = {
    ours: () => measure(process.execPath, [program, 'store', 'add', tree, '--store', `local:${ours}`]),
    nix: () => measure('nix-store', ['--store', nix, '--add', tree]),
  }
  // Each is the first one in turn.
  const first = pair % 2 === 0 ? 'ours' : 'nix'
  const one = runs[first]()
  const other = runs[first === 'ours' ? 'nix' : 'ours']()
  const [mine, theirs] = first === 'ours' ? [one, other] : [other, one]
  if (mine.path !== theirs.path) throw new Error(`${mine.path} is not ${theirs.path}`)
  ratios.push(mine.seconds / theirs.seconds)
  console.log(
    `dockertools ${mine.seconds.toFixed(2)} s, nix-store ${theirs.seconds.toFixed(2)} s, ratio ${ratios.at(-1)!.toFixed(2)}`,
  )
  for (const root of [ours, nix]) {
    execFileSync('chmod', ['-R', 'u+w', root])
    rmSync(root, { recursive: true })
  }
}
console.log(`median ratio ${ratios.toSorted((a, b) => a - b)[Math.floor(ratios.length / 2)]!.toFixed(2)}`)
