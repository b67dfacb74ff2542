import {
  type ArchiveRecipe,
  buildLayeredImage,
  streamLayeredImage,
  type StreamLayeredImageArgs,
  type StreamRecipe,
} from 'dockertools'

/** An image that only holds files, for `COPY --from=site` or as a volume. */
const args: StreamLayeredImageArgs = {
  name: 'registry.example/site',
  tag: '1.0',
  contents: './pages',
  created: '2026-01-01',
  uid: 1000,
  gid: 1000,
  uname: 'web',
  gname: 'web',
  // Runs in the image's root, with the machine's bash. The pages are symlinks to the store there.
  extraCommands: `
    mkdir -p var/cache/site
    for page in srv/site/*; do basename "$page"; done > srv/pages.txt
  `,
  config: { Labels: { 'org.opencontainers.image.title': 'A site in an image' } },
}

/** `dockertools build examples/site/image.ts -o site.tar.zst` */
const image: ArchiveRecipe = buildLayeredImage({ ...args, compressor: 'zstd' })
export default image

/** `dockertools stream examples/site/image.ts#streamed | docker load` */
export const streamed: StreamRecipe = streamLayeredImage(args)
