// What may help, from the server to the panel of numbers, which shows it.
import { part } from "../shared/parts.js";

export function mount({ props, watch }) {
  watch("value", async () => {
    if (props.value) (await part("sizes")).offers.receive(props.value);
  });
}
