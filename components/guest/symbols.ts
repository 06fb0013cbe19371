/** Where the symbols are of what runs in a guest, on the host: absolute paths. */
export interface Symbols {
  /** The kernel's sources, and the folder that has its vmlinux. */
  readonly tree: string;
  readonly build: string;
  /** The folder below which the objects of modules are. */
  readonly modules: string;
}

/** Where what is known of a guest's crashes is, on the host: absolute paths. */
export interface Crashes {
  /** The folder of its watcher, which is root's, and that of the reports. */
  readonly watch: string;
  readonly reports: string;
  /** The file that names those of which somebody was told. */
  readonly told: string;
}
