import { type ArchiveRecipe, buildLayeredImage } from 'dockertools'

const greeting = '/nix/store/zi5p4sfy41bg7m1dhlwf7xx5plnj3lm6-greeting-1.0'
const hello = '/nix/store/1rxj0f9d4h34pihxzxqrd5hn8yfhfb5f-hello-1.0'

/** What many images have in common: built once, and its layers are the same in all of them. */
export const base: ArchiveRecipe = buildLayeredImage({
  name: 'base',
  tag: 'latest',
  architecture: 'amd64',
  contents: ['./root', greeting],
  config: { Env: ['LANG=C.UTF-8', 'TIER=base'] },
})

/** Takes over the layers and the `Env` of the base; `maxLayers` counts both. */
const image: ArchiveRecipe = buildLayeredImage({
  name: 'on-top',
  tag: 'latest',
  architecture: 'amd64',
  fromImage: base,
  contents: hello,
  maxLayers: 10,
  config: { Cmd: ['/bin/hello'], Env: ['TIER=application'] },
})
export default image
