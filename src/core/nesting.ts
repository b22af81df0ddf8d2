/** Objects and arrays inside one another, the event included. Deeper ones are refused on both ways: recursion over them could overflow. */
export const maxNesting = 1000;
