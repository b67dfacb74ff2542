/**
 * The functions of nixpkgs' dockerTools, with upstream's names and arguments.
 * Each returns a recipe; nothing happens before the recipe is used.
 *
 * @see https://nixos.org/manual/nixpkgs/stable/#sec-pkgs-dockerTools
 */
export { buildImage } from './build-image.ts'
export type { BuildImageArgs } from './build-image-args.ts'
export { buildLayeredImage } from './build-layered-image.ts'
export type {
  BuildLayeredImageArgs,
  ConfigArgument,
  ContentsArgument,
  NestedDefinition,
  PathArgument,
  StreamLayeredImageArgs,
} from './layered-image-args.ts'
export { mergeImages, type MergeImagesArgs } from './merge-images.ts'
export type {
  ArchiveRecipe,
  BuildOptions,
  Conf,
  ImageFileRecipe,
  ImageLayerOutput,
  ImageRecipe,
  ImageSummary,
  MergedRecipe,
  Recipe,
  StreamRecipe,
  WriteOptions,
} from './recipe.ts'
export { streamConf } from './stream-conf.ts'
export { streamLayeredImage } from './stream-layered-image.ts'
export { recipeFromDefinition } from './definition.ts'
export { isRecipe } from './path-argument.ts'
