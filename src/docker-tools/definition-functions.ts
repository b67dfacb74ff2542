import {
  buildEnv,
  closureInfo,
  derivation,
  fetchurl,
  importPath,
  mergeDrvs,
  type Realisable,
  runCommand,
  storePath,
  symlinkJoin,
  writeClosure,
  writeScript,
  writeScriptBin,
  writeShellScript,
  writeShellScriptBin,
  writeText,
  writeTextDir,
  writeTextFile,
} from '#derivation'
import { fromBinaryCache, hostProgram, nixpkgs } from '#packages'
import { binSh } from './bin-sh.ts'
import { buildImageWithNixDb } from './build-image-with-nix-db.ts'
import { buildImage } from './build-image.ts'
import { buildLayeredImage } from './build-layered-image.ts'
import { buildLayeredImageWithNixDb } from './build-layered-image-with-nix-db.ts'
import { buildNixShellImage } from './build-nix-shell-image.ts'
import { caCertificates } from './ca-certificates.ts'
import { exportImage } from './export-image.ts'
import { fakeNss } from './fake-nss.ts'
import { mergeImages } from './merge-images.ts'
import { pullImage } from './pull-image.ts'
import { shellScript } from './shell-script.ts'
import { streamLayeredImage } from './stream-layered-image.ts'
import { streamNixShellImage } from './stream-nix-shell-image.ts'
import { usrBinEnv } from './usr-bin-env.ts'

/** Functions that a definition may name. Each takes its arguments as one object, and checks them. */
export const FUNCTIONS: ReadonlyMap<string, (args: never) => Realisable> = new Map<string, (args: never) => Realisable>(
  [
    ['streamLayeredImage', streamLayeredImage],
    ['buildLayeredImage', buildLayeredImage],
    ['buildImage', buildImage],
    ['buildImageWithNixDb', buildImageWithNixDb],
    ['buildLayeredImageWithNixDb', buildLayeredImageWithNixDb],
    ['mergeImages', mergeImages],
    ['pullImage', pullImage],
    ['streamNixShellImage', streamNixShellImage],
    ['buildNixShellImage', buildNixShellImage],
    ['exportImage', exportImage],
    ['derivation', derivation],
    ['runCommand', runCommand],
    ['writeText', writeText],
    ['writeTextDir', writeTextDir],
    ['writeTextFile', writeTextFile],
    ['writeScript', writeScript],
    ['writeScriptBin', writeScriptBin],
    ['writeShellScript', writeShellScript],
    ['writeShellScriptBin', writeShellScriptBin],
    ['symlinkJoin', symlinkJoin],
    ['buildEnv', buildEnv],
    ['importPath', importPath],
    ['fetchurl', fetchurl],
    ['storePath', storePath],
    ['mergeDrvs', mergeDrvs],
    ['shellScript', shellScript],
    ['closureInfo', closureInfo],
    ['writeClosure', writeClosure],
    ['fromBinaryCache', fromBinaryCache],
    ['nixpkgs', nixpkgs],
    ['hostProgram', hostProgram],
    ['binSh', binSh],
    ['usrBinEnv', usrBinEnv],
    ['caCertificates', caCertificates],
    ['fakeNss', fakeNss],
  ],
)

/** Names of all that a definition may use. */
export const FUNCTION_NAMES: readonly string[] = [...FUNCTIONS.keys()]

/**
 * How an argument is read where it is not a plain value with definitions in it:
 * - `json`: passed on as it is, with numbers as they were written. An object in it is data, whatever its names.
 * - `data`: an object for readers, passed on as well.
 * - `record`: an object whose names are the user's; definitions stand in it as values.
 * - `texts`: definitions in it are paths in texts.
 * - `attributes`: a derivation, or one written out, whose members are records.
 */
export const ARGUMENT_KINDS: ReadonlyMap<string, 'json' | 'data' | 'record' | 'texts' | 'attributes'> = new Map([
  ['config', 'json'],
  ['passthru', 'data'],
  ['meta', 'data'],
  ['env', 'record'],
  ['layeringPipeline', 'texts'],
  ['drv', 'attributes'],
] as const)
