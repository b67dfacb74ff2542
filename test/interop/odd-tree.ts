import { chmod, link, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Names that tar, Docker or a shell could trip over. */
export const ODD_NAMES: readonly string[] = [
  'with space',
  ' leading and trailing ',
  'ünïcödé-日本語-🐳',
  '-rf',
  '.hidden',
  'quote\'s and "more"',
  'back\\slash',
  'new\nline',
  '*?[glob]',
  'x'.repeat(100),
  'y'.repeat(101),
  'z'.repeat(200),
  'n'.repeat(255),
]

/** Makes a folder with odd names, deep folders, links of all kinds and an empty folder. */
export async function makeOddTree(folder: string): Promise<void> {
  const names = join(folder, 'names')
  await mkdir(names, { recursive: true })
  for (const name of ODD_NAMES) await writeFile(join(names, name), `content of ${name}`)
  await writeFile(Buffer.concat([Buffer.from(`${names}/`), Buffer.from([0xff, 0xfe, 0x80])]), 'no UTF-8')
  const deep = join(folder, ...Array.from({ length: 12 }, (_, index) => `folder-with-a-long-name-${index}`))
  await mkdir(deep, { recursive: true })
  await writeFile(join(deep, 'file'), 'deep down')
  await mkdir(join(folder, 'empty'))
  const links = join(folder, 'links')
  await mkdir(links)
  await symlink('../names/with space', join(links, 'to file'))
  await symlink('nowhere', join(links, 'dangling'))
  await symlink('../names', join(links, 'to folder'))
  await symlink(`../names/${'z'.repeat(200)}/${'t'.repeat(150)}`, join(links, 'far'))
  await writeFile(join(links, 'first'), 'twice')
  await link(join(links, 'first'), join(links, 'second'))
  await writeFile(join(folder, 'program'), '#!/bin/sh\n')
  await chmod(join(folder, 'program'), 0o755)
  await writeFile(join(folder, 'empty file'), '')
}
