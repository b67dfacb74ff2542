/**
 * Where packages come from: binary caches, nixpkgs by an installed Nix or by a
 * lock file, and programs of this machine with the libraries they load. Builds
 * nothing by itself, and knows nothing of images.
 *
 * @see https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html
 */
export { fromBinaryCache, type FromBinaryCacheArgs, type FromBinaryCacheOptions } from './from-binary-cache.ts'
export { hostFile } from './host-file.ts'
export { hostProgram, type HostProgramArgs, type HostProgramOptions, isHostProgram } from './host-program.ts'
export { findPackage, type FoundPackage, nixpkgs } from './nixpkgs.ts'
export { choosePackage, type PackageChoice } from './choose-package.ts'
export { LOCK_FILE_NAME } from './package-lock.ts'
