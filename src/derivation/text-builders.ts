import type { Built } from './built.ts'
import { argumentOf, invalid, isText, namedArguments, optionalOf } from './named-arguments.ts'
import { isRealisable } from './realisable.ts'
import { textFile } from './write-text-file.ts'
import type { PathLike } from './path-like.ts'

/** Arguments of `writeScript` and `writeScriptBin`. */
export interface WriteScriptArgs {
  /** Name of the store path, and of the file in `bin`. */
  readonly name: string
  /** Its content. */
  readonly text: string
}

/** Arguments of `writeShellScript` and `writeShellScriptBin`. */
export interface WriteShellScriptArgs extends WriteScriptArgs {
  /** What runs it; a text stands in the first line as it is. Default: `/bin/sh`. */
  readonly shell?: PathLike
}

/** Arguments of `writeTextDir`. */
export interface WriteTextDirArgs {
  /** Where the file is below the output, such as `share/my-file`. */
  readonly path: string
  /** Its content. */
  readonly text: string
}

/**
 * A folder with one text file in it. Its name is the file's.
 *
 * @param path Where the file is below the output, such as `etc/app.conf`.
 * @param text Its content.
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 * @see nixpkgs `pkgs/build-support/trivial-builders/default.nix`, `writeTextDir`
 *
 * @example A file for the root of an image
 * ```ts
 * import { realise, writeTextDir } from 'dockertools'
 *
 * const conf = writeTextDir('etc/app.conf', 'port = 8080\n')
 * const { path } = await realise(conf, { stores: ['local:./result-store'] })
 * console.log(`${path}/etc/app.conf`)
 * ```
 */
export function writeTextDir(path: string, text: string): Built
export function writeTextDir(args: WriteTextDirArgs): Built
export function writeTextDir(...given: readonly unknown[]): Built {
  const args = namedArguments('writeTextDir', given, ['path', 'text'])
  const path = argumentOf('writeTextDir', args, 'path', isText, 'a text')
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (name === '') throw invalid('writeTextDir', `its path is "${path}", it should end in the name of a file`)
  return textFile('writeTextDir', { name, text: args['text'], destination: `/${path}` })
}

/**
 * An executable text file.
 *
 * @param name Name of the store path.
 * @param text The content, with the line that says what runs it.
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 * @see nixpkgs `pkgs/build-support/trivial-builders/default.nix`, `writeScript`
 *
 * @example An executable file
 * ```ts
 * import { realise, writeScript } from 'dockertools'
 *
 * const start = writeScript('start', '#!/bin/sh\necho started\n')
 * const { path } = await realise(start, { stores: ['local:./result-store'] })
 * console.log(path)
 * ```
 */
export function writeScript(name: string, text: string): Built
export function writeScript(args: WriteScriptArgs): Built
export function writeScript(...given: readonly unknown[]): Built {
  return textFile('writeScript', { ...namedArguments('writeScript', given, ['name', 'text']), executable: true })
}

/**
 * A folder with an executable text file below `bin`.
 *
 * @param name Name of the store path, and of the file in `bin`.
 * @param text The content, with the line that says what runs it.
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 * @see nixpkgs `pkgs/build-support/trivial-builders/default.nix`, `writeScriptBin`
 *
 * @example A program for the `PATH` of an image
 * ```ts
 * import { realise, writeScriptBin } from 'dockertools'
 *
 * const start = writeScriptBin('start', '#!/bin/sh\necho started\n')
 * const { path } = await realise(start, { stores: ['local:./result-store'] })
 * console.log(`${path}/bin/start`)
 * ```
 */
export function writeScriptBin(name: string, text: string): Built
export function writeScriptBin(args: WriteScriptArgs): Built
export function writeScriptBin(...given: readonly unknown[]): Built {
  return inBin('writeScriptBin', namedArguments('writeScriptBin', given, ['name', 'text']))
}

/**
 * A shell script.
 *
 * @param name Name of the store path.
 * @param text The script, without the line that says what runs it.
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 * @see nixpkgs `pkgs/build-support/trivial-builders/default.nix`, `writeShellScript`
 * @remarks Differs from nixpkgs: it is run by `/bin/sh`, which `binSh` puts into an image, unless another shell is given.
 *
 * @example A script that is run by `/bin/sh`
 * ```ts
 * import { readFileSync } from 'node:fs'
 * import { realise, writeShellScript } from 'dockertools'
 *
 * const start = writeShellScript('start', 'echo started')
 * const { path } = await realise(start, { stores: ['local:./result-store'] })
 * console.log(readFileSync(path, 'utf8'))
 * ```
 */
export function writeShellScript(name: string, text: string): Built
export function writeShellScript(args: WriteShellScriptArgs): Built
export function writeShellScript(...given: readonly unknown[]): Built {
  return textFile('writeShellScript', { ...shellScript('writeShellScript', given), executable: true })
}

/**
 * A folder with a shell script below `bin`.
 *
 * @param name Name of the store path, and of the file in `bin`.
 * @param text The script, without the line that says what runs it.
 * @throws {DockerToolsError} `DEFINITION_INVALID`.
 * @see nixpkgs `pkgs/build-support/trivial-builders/default.nix`, `writeShellScriptBin`
 * @remarks Differs from nixpkgs as `writeShellScript` does.
 *
 * @example What an image runs
 * ```ts
 * import { binSh, streamLayeredImage, writeShellScriptBin } from 'dockertools'
 *
 * const hello = writeShellScriptBin('hello', 'echo Hello')
 * const image = streamLayeredImage({ name: 'hello', tag: '1', contents: [hello, binSh()], config: { Cmd: ['hello'] } })
 * console.log((await image.layers({ stores: ['local:./result-store'] })).length)
 * ```
 */
export function writeShellScriptBin(name: string, text: string): Built
export function writeShellScriptBin(args: WriteShellScriptArgs): Built
export function writeShellScriptBin(...given: readonly unknown[]): Built {
  return inBin('writeShellScriptBin', shellScript('writeShellScriptBin', given))
}

function inBin(builder: string, args: Readonly<Record<string, unknown>>): Built {
  const name = argumentOf(builder, args, 'name', isText, 'a text')
  return textFile(builder, { ...args, executable: true, destination: `/bin/${name}` })
}

function shellScript(builder: string, given: readonly unknown[]): { readonly name: unknown; readonly text: string } {
  const { name, ...args } = namedArguments(builder, given, ['name', 'text'], ['shell'])
  const shell = optionalOf(builder, args, 'shell', isInterpreter, 'an absolute path, or something to be made')
  const text = argumentOf(builder, args, 'text', isText, 'a text')
  return { name, text: `#!${String(shell ?? '/bin/sh')}\n${text}\n` }
}

function isInterpreter(value: unknown): value is PathLike {
  return isRealisable(value) || (isText(value) && value.startsWith('/'))
}
