interface OptionsProps<T extends string> {
  /** Of the group. */
  readonly name: string;
  readonly values: readonly T[];
  readonly chosen: string;
  readonly texts: Readonly<Record<T, string>>;
  onChoose(value: T): void;
}

/** One of a few, in a row; the group's legend is the caller's. */
export function Options<T extends string>({ name, values, chosen, texts, onChoose }: OptionsProps<T>) {
  return (
    <>
      {values.map((each) => (
        <label key={each}>
          <input
            type="radio"
            name={name}
            value={each}
            checked={chosen === each}
            onChange={() => onChoose(each)}
          />
          <span>{texts[each]}</span>
        </label>
      ))}
    </>
  );
}
