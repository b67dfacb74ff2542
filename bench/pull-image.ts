/**
 * pull of an image of 1 GB in 20 layers against `skopeo copy docker://… docker-archive:…`, from Debian's
 * docker-registry on this machine: each in turn, medians. Run after a build with
 * `node --conditions=source bench/pull-image.ts [rounds]`.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeTempDir } from '#util'
import { startDockerRegistry } from '../test/interop/docker-registry.ts'
import { config, gzipLayer, plainTar, putShape } from '../test/interop/registry-images.ts'
import { compareCommands } from './measure-command.ts'

const LAYERS = 20
const LAYER_BYTES = 50_000_000
const PROGRAM = fileURLToPath(new URL('../bin/dockertools.js', import.meta.url))

/** Bytes that gzip makes two and a half times smaller, as it does those of programs; always the same. */
function makeContent(seed: number): Buffer {
  const bytes = Buffer.alloc(LAYER_BYTES)
  let state = seed + 1
  const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0)
  for (let offset = 0; offset < LAYER_BYTES;) {
    if (offset > 65_536 && next() % 4 !== 0) {
      const length = 8 + ((next() >>> 8) % 24)
      const from = offset - 16 - ((next() >>> 8) % 30_000)
      bytes.copyWithin(offset, from, Math.min(from + length, offset))
      offset += length
    } else {
      const end = Math.min(offset + 12, LAYER_BYTES)
      for (; offset < end; offset++) bytes[offset] = next() >>> 24
    }
  }
  return bytes
}

await using scratch = await makeTempDir('bench-pull-')
await using registry = await startDockerRegistry()
const tars = Array.from({ length: LAYERS }, (_, index) => plainTar(`file-${index}`, makeContent(index)))
const layers = tars.map((tar) => gzipLayer(tar))
const stored = layers.reduce((sum, layer) => sum + layer.bytes.length, 0)
console.log(
  `${LAYERS} layers, ${(stored / 1e6).toFixed(0)} MB stored, ${((LAYERS * LAYER_BYTES) / 1e6).toFixed(0)} MB plain`,
)
await putShape({ name: 'large', way: 'put', images: [{ layers, config: config(tars) }] }, `http://${registry.host}`)
const [ours, theirs] = [join(scratch.path, 'ours.tar'), join(scratch.path, 'theirs.tar')]
const cache = join(scratch.path, 'cache')
compareCommands(
  {
    skopeo: `rm -f ${theirs}; skopeo --insecure-policy copy -q --src-tls-verify=false docker://${registry.host}/large:v1 docker-archive:${theirs}:${registry.host}/large:v1`,
    'dockertools pull': `rm -rf ${ours} ${cache}; node ${PROGRAM} pull ${registry.host}/large:v1 -o ${ours} -q`,
    'dockertools pull, cached': `rm -f ${ours}; node ${PROGRAM} pull ${registry.host}/large:v1 -o ${ours} -q`,
    'cmp of the archives': `cmp ${ours} ${theirs}`,
  },
  Number(process.argv[2] ?? 3),
  { XDG_CACHE_HOME: cache, HOME: scratch.path },
)
