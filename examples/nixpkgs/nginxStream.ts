import { streamLayeredImage } from 'dockertools'
import { args } from './nginx.ts'

/**
 * The same image without a file in between: `build` makes a program that streams it.
 *
 *     npx dockertools stream examples/nixpkgs/nginxStream.ts | docker load
 *     docker run --rm -d -p 8000:80 nginx-container
 *     curl http://localhost:8000/
 */
export default streamLayeredImage(args)
