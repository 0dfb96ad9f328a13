declare module 'jsfive' {
  export class Group {
    readonly name: string;
    readonly keys: string[];
    /** Null for a link that leads nowhere. */
    get(name: string): Group | Dataset | null;
  }
  export class Dataset {
    readonly name: string;
    readonly shape: number[];
    /** Little-endian floats are `<f4`; a compound type is a list. */
    readonly dtype: unknown;
    readonly value: unknown[];
  }
  /** @throws string or Error for what is no HDF5 file or uses what it does not know */
  export class File extends Group {
    constructor(bytes: ArrayBuffer, name: string);
  }
}
