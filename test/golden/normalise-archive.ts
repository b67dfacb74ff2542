import assert from 'node:assert/strict'
import { listTar, memberNamed, type TarMemberBytes } from '../support/list-tar.ts'
import { manifestOf, sha256 } from './compare-archives.ts'
import type { DerivedFacts } from './golden-case.ts'

/** What an archive of ours names otherwise than the recorded one, and may. */
export interface OwnNames {
  /** Store path of the customisation layer. */
  readonly customisation: string
  readonly tag: string
}

/** Who owns the customisation layer's member: `sandbox` where upstream's stream ran inside Nix's sandbox. */
export type CustomisationOwner = 'root' | 'sandbox'

/**
 * Puts the recorded names into an archive in place of our own: the store path
 * of the customisation layer in the last history comment, the tag where none was
 * given, and the configuration's digest, which follows from them. Nothing else changes,
 * so the result has to equal the recorded archive to the last byte.
 */
export function withRecordedNames(
  archive: Buffer,
  own: OwnNames,
  recorded: DerivedFacts,
  owner: CustomisationOwner,
): Buffer {
  const result = Buffer.from(archive)
  const listing = listTar(result)
  const names = manifestOf(listing)
  const config = memberNamed(listing, names.config)
  const configText = config.body.toString('utf8')
  assert.equal(configText.split(own.customisation).length, 2, 'the customisation layer is named once')
  replaceBody(config, configText.replace(own.customisation, recorded.customisationLayer))
  const configName = `${sha256(config.body)}.json`
  const configHeader = headerOf(result, config)
  configHeader.write(configName, 0, 'latin1')
  sealHeader(configHeader)

  const manifest = memberNamed(listing, 'manifest.json')
  const manifestText = manifest.body.toString('utf8').replace(names.config, configName)
  replaceBody(manifest, manifestText.replace(`:${own.tag}"`, `:${recorded.imageTag}"`))

  if (owner === 'sandbox') {
    const header = headerOf(result, memberNamed(listing, names.layers.at(-1) ?? ''))
    header.write('0177776\0', 108, 'latin1')
    header.write('0177776\0', 116, 'latin1')
    header.fill(0, 265, 329)
    header.write('nobody', 265, 'latin1')
    header.write('nogroup', 297, 'latin1')
    sealHeader(header)
  }
  return result
}

function replaceBody(member: TarMemberBytes, text: string): void {
  const bytes = Buffer.from(text)
  assert.equal(bytes.length, member.body.length, 'names of one kind have one length')
  bytes.copy(member.body)
}

function headerOf(archive: Buffer, member: TarMemberBytes): Buffer {
  return archive.subarray(member.headerOffset, member.headerOffset + 512)
}

/** Writes the checksum of a header that was changed. */
function sealHeader(header: Buffer): void {
  header.fill(' ', 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
}
