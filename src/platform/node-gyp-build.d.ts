declare module "node-gyp-build" {
  /** Loads the addon of the package in that folder. Throws when none fits this machine. */
  export default function load(folder: string): never;
}
