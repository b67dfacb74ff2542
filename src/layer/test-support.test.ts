/** What several tests of this folder need. It has the name of a test so that it is not built. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { LayerRoot, MeasuredLayer, Owner, StoreLayerSpec } from '#layer'
import { toByteString } from '#util'

export const OWNER: Owner = { uid: 1000, gid: 100, uname: 'alice', gname: 'users' }

/** A folder that goes away with the test. */
export function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'layer-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A tree of small files, one large file, links and odd names. */
export function makeTree(folder: string, name: string, largeBytes = 700_000): LayerRoot {
  const root = join(folder, name)
  mkdirSync(join(root, 'bin'), { recursive: true })
  mkdirSync(join(root, 'share', 'empty'), { recursive: true })
  writeFileSync(join(root, 'bin', 'program'), Buffer.alloc(largeBytes, name))
  chmodSync(join(root, 'bin', 'program'), 0o755)
  for (let index = 0; index < 60; index++) writeFileSync(join(root, 'share', `f${index}`), 'x'.repeat(index * 37))
  writeFileSync(join(root, 'share', 'a-b'), 'sorted by component')
  mkdirSync(join(root, 'share', 'a'))
  writeFileSync(join(root, 'share', 'a', 'b'), 'below')
  writeFileSync(join(root, 'share', `long-${'n'.repeat(150)}`), 'long')
  writeFileSync(join(root, 'share', 'žluť-日本-😀'), 'unicode')
  symlinkSync('../share', join(root, 'bin', 'link'))
  return {
    logical: toByteString(`/nix/store/${name.padEnd(32, '0')}-x`),
    physical: toByteString(root),
    canonicalModes: false,
  }
}

export function specOf(...roots: readonly LayerRoot[]): StoreLayerSpec {
  return { roots, owner: OWNER, mtimeSeconds: 1 }
}

/** What a layer writes. */
export async function bytesOf(layer: MeasuredLayer): Promise<Buffer> {
  const parts: Uint8Array[] = []
  await layer.writeTo({ write: (chunk) => void parts.push(Uint8Array.from(chunk)) })
  return Buffer.concat(parts)
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** The same layer made by Python's tarfile, in the way upstream's stream script makes it; undefined without Python. */
export function pythonLayer(spec: StoreLayerSpec): Buffer | undefined {
  const program = `
import io, json, os, pathlib, sys, tarfile
spec = json.load(sys.stdin)
def fields(ti):
    ti.uid, ti.gid, ti.uname, ti.gname, ti.mtime = spec["uid"], spec["gid"], spec["uname"], spec["gname"], spec["mtime"]
    return ti
out = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")
for name in ("/nix", "/nix/store"):
    ti = tarfile.TarInfo(name); ti.type = tarfile.DIRTYPE; ti.mode = 0o755
    out.addfile(fields(ti))
for logical, physical in spec["roots"]:
    root = pathlib.Path(physical)
    below = [] if root.is_symlink() or not root.is_dir() else [pathlib.Path(d) / n for d, ds, fs in os.walk(root) for n in ds + fs]
    for path in sorted([root] + below):
        ti = out.gettarinfo(path)
        name = logical + str(path)[len(physical):]
        ti.name = name
        if not ti.isreg() and not ti.islnk():
            out.addfile(fields(ti)); continue
        ti.type = tarfile.REGTYPE; ti.linkname = ""; ti.size = os.stat(path).st_size
        with open(path, "rb") as body: out.addfile(fields(ti), body)
out.close()
`
  const run = spawnSync('python3', ['-c', program], {
    input: JSON.stringify({
      ...spec.owner,
      mtime: spec.mtimeSeconds,
      roots: spec.roots.map((root) => [root.logical, Buffer.from(root.physical, 'latin1').toString('utf8')]),
    }),
    maxBuffer: 1 << 28,
    env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' },
  })
  if (run.error !== undefined) return undefined
  if (run.status !== 0) throw new Error(run.stderr.toString())
  return run.stdout
}
