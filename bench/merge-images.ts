// Measures `dockertools merge` of three images of 500 MB that share half of their layers, uncompressed, against
// copying the distinct layers to a file and hashing them:
//   npm run --silent build && node --conditions=source bench/merge-images.ts [ROUNDS] [FOLDER]
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compareCommands } from './measure-command.ts'

const LAYER_BYTES = 50 * 1024 * 1024
const LAYERS = 10
const rounds = Number(process.argv[2] ?? 5)
const folder = process.argv[3] ?? mkdtempSync(join(tmpdir(), 'dockertools-bench-'))
const program = fileURLToPath(new URL('../bin/dockertools.js', import.meta.url))
const archives = ['a', 'b', 'c'].map((name) => join(folder, `${name}.tar`))
const distinct = join(folder, 'layers')
if (!existsSync(distinct)) prepare()
const list = archives.map((path) => `'${path}'`).join(' ')
compareCommands(
  {
    'cat LAYERS > FILE; openssl dgst -sha256 FILE': `cat '${distinct}'/* > '${join(folder, 'cat')}' && openssl dgst -sha256 '${join(folder, 'cat')}'`,
    merge: `'${process.execPath}' '${program}' merge -q ${list} -o '${join(folder, 'merged.tar')}'`,
  },
  rounds,
  {},
  [join(folder, 'cat'), join(folder, 'merged.tar')],
)
if (process.argv[3] === undefined) rmSync(folder, { recursive: true, force: true })

/** Three archives: five layers that all have, five of their own. */
function prepare(): void {
  mkdirSync(distinct, { recursive: true })
  for (const [image, archive] of archives.entries()) {
    const root = join(folder, `image-${image}`)
    const layers = Array.from({ length: LAYERS }, (_, index) =>
      layerOf(index < LAYERS / 2 ? index : 100 * (image + 1) + index),
    )
    const config = JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => `sha256:${digest}`) },
    })
    const name = `${createHash('sha256').update(config).digest('hex')}.json`
    mkdirSync(root)
    writeFileSync(join(root, name), config)
    for (const { digest, bytes } of layers) {
      mkdirSync(join(root, digest))
      writeFileSync(join(root, digest, 'layer.tar'), bytes)
      writeFileSync(join(distinct, digest), bytes)
    }
    const manifest = [
      { Config: name, RepoTags: [`image-${image}:1`], Layers: layers.map(({ digest }) => `${digest}/layer.tar`) },
    ]
    writeFileSync(join(root, 'manifest.json'), JSON.stringify(manifest))
    execFileSync('tar', ['-C', root, '-cf', archive, '.'])
    rmSync(root, { recursive: true })
  }
}

/** A layer with one file of noise. */
function layerOf(seed: number): { readonly digest: string; readonly bytes: Buffer } {
  const scratch = mkdtempSync(join(tmpdir(), 'dockertools-bench-'))
  const noise = Buffer.alloc(LAYER_BYTES)
  let state = seed
  for (let offset = 0; offset < noise.length; offset += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    noise.writeUInt32LE(state, offset)
  }
  writeFileSync(join(scratch, 'noise'), noise)
  const bytes = execFileSync('tar', ['-C', scratch, '--mtime=@0', '--owner=0', '--group=0', '-cf', '-', 'noise'], {
    maxBuffer: 2 * LAYER_BYTES,
  })
  rmSync(scratch, { recursive: true })
  return { digest: createHash('sha256').update(bytes).digest('hex'), bytes }
}
