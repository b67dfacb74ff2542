import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { makeTempDir } from '#util'
import { findKernel } from './vm-kernel.ts'
import { collectModules } from './vm-modules.ts'

const RELEASE = '6.1.0-99-test'

/** As much of a kernel as says which one it is. */
function kernelHeader(version: string): Buffer {
  const bytes = Buffer.alloc(0x1000)
  bytes.write('HdrS', 0x202)
  bytes.writeUInt16LE(0x400, 0x20e)
  bytes.write(`${version} (builder@host) #1 SMP\0`, 0x600)
  return bytes
}

test('findKernel() reads the release from the kernel, and finds its modules beside it', async () => {
  await using temp = await makeTempDir('kernel-')
  const kernel = join(temp.path, 'boot/renamed')
  mkdirSync(join(temp.path, 'boot'))
  writeFileSync(kernel, kernelHeader(RELEASE))
  assert.deepEqual(findKernel(kernel), { path: kernel, release: RELEASE, modules: undefined })
  const modules = join(temp.path, 'lib/modules', RELEASE)
  mkdirSync(modules, { recursive: true })
  assert.deepEqual(findKernel(kernel), { path: kernel, release: RELEASE, modules })
  const inside = join(modules, 'vmlinuz')
  writeFileSync(inside, kernelHeader(RELEASE))
  assert.deepEqual(findKernel(inside), { path: inside, release: RELEASE, modules })
  const plain = join(temp.path, 'boot/vmlinux-1.2.3')
  writeFileSync(plain, '\u007fELF')
  assert.equal(findKernel(plain).release, '1.2.3')
})

test('findKernel() says what is wrong with the kernel that is named', async () => {
  await using temp = await makeTempDir('kernel-')
  const kernel = join(temp.path, 'kernel')
  assert.throws(() => findKernel(kernel), /Cannot start a guest with the kernel ".*kernel": it is not there$/)
  assert.throws(() => findKernel(temp.path), /: it is no file$/)
  writeFileSync(kernel, 'text')
  assert.throws(() => findKernel(kernel), /"\S+kernel" should be a Linux kernel$/)
})

// Root may read everything: then there is nothing to see.
if (process.getuid?.() !== 0) {
  test('findKernel() says that the kernel may not be read', async () => {
    await using temp = await makeTempDir('kernel-')
    const kernel = join(temp.path, 'vmlinuz-1')
    writeFileSync(kernel, '')
    chmodSync(kernel, 0)
    assert.throws(() => findKernel(kernel), /: this user may not read it$/)
  })
}

test('collectModules() takes modules behind what they depend on, and leaves out what is built in', async () => {
  await using temp = await makeTempDir('modules-')
  const folder = join(temp.path, RELEASE)
  const put = (name: string, content: Uint8Array): void => {
    mkdirSync(join(folder, 'kernel/some'), { recursive: true })
    writeFileSync(join(folder, 'kernel/some', name), content)
  }
  const text = (depends: string): Buffer => Buffer.from(`\u007fELF\0license=GPL\0depends=${depends}\0name=x\0`)
  put('virtio_ring.ko', text(''))
  put('virtio.ko.gz', gzipSync(text('virtio_ring')))
  put('virtio_pci.ko', text('virtio,virtio-ring'))
  put('virtio-blk.ko', text('virtio_ring'))
  put('ext4.ko', text('virtio_ring'))
  put('crc32c_generic.ko', text(''))
  put('unrelated.ko', text('missing'))
  writeFileSync(join(folder, 'modules.builtin'), 'kernel/fs/overlayfs/overlay.ko\n')
  const kernel = { path: 'vmlinuz', release: RELEASE, modules: folder }
  const modules = await collectModules(kernel)
  assert.deepEqual(
    modules.map(({ name }) => name),
    ['crc32c_generic', 'virtio_ring', 'virtio', 'virtio_pci', 'virtio_blk', 'ext4'],
  )
  assert.deepEqual(Buffer.from(modules[2]?.content ?? []), text('virtio_ring'))
  assert.deepEqual(await collectModules({ ...kernel, modules: undefined }), [])
  writeFileSync(join(folder, 'modules.builtin'), '')
  await assert.rejects(collectModules(kernel), /it has no module "overlay" in ".*test"$/)
})
