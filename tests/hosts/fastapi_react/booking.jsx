import { useState } from "react";
import { createRoot } from "react-dom/client";

const EMPTY = { hotel: "", nights: 1, arrival: "", board: "none", guests: "", quiet: false };
const BOARDS = { none: "Room only", breakfast: "Breakfast", full: "Full board" };

function Field({ id, label, error, children }) {
  return (
    <p>
      <label htmlFor={id}>{label}</label> {children} {error && <span id={`${id}-error`} role="alert">{error}</span>}
    </p>
  );
}

function Booking() {
  const [state, setState] = useState(EMPTY);
  const [errors, setErrors] = useState({});
  const [number, setNumber] = useState(null);

  const change = ({ target }) => {
    const value = target.type === "checkbox" ? target.checked : target.type === "number" ? target.valueAsNumber : target.value;
    setState((before) => ({ ...before, [target.name]: value }));
    setErrors(({ [target.name]: _, ...others }) => others);
  };
  const submit = async (event) => {
    event.preventDefault();
    const guests = state.guests.split("\n").filter(Boolean);
    const reply = await fetch("/api/bookings", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...state, guests }),
    });
    const told = await reply.json();
    if (reply.ok) setNumber(told.number);
    else setErrors(told.errors ?? { hotel: told.detail });
  };
  const control = (id) => ({
    id,
    name: id,
    onChange: change,
    "aria-invalid": id in errors,
    "aria-errormessage": id in errors ? `${id}-error` : undefined,
  });
  const field = (id, label, input) => <Field id={id} label={label} error={errors[id]}>{input}</Field>;

  if (number !== null) return <p role="status">Booked: number {number}</p>;
  return (
    <form id="booking" onSubmit={submit}>
      {field("hotel", "Hotel", <input {...control("hotel")} value={state.hotel} required minLength={3} />)}
      {field("nights", "Nights",
        <input {...control("nights")} type="number" min={1} max={28} value={Number.isNaN(state.nights) ? "" : state.nights} required />)}
      {field("arrival", "Arrival", <input {...control("arrival")} type="date" value={state.arrival} required />)}
      {field("board", "Board",
        <select {...control("board")} value={state.board}>
          {Object.entries(BOARDS).map(([value, label]) => <option key={value} value={value}>{label}</option>)}
        </select>)}
      {field("guests", "Guests, one a line", <textarea {...control("guests")} value={state.guests} />)}
      {field("quiet", "Quiet room", <input {...control("quiet")} type="checkbox" checked={state.quiet} />)}
      <p><button>Book</button></p>
    </form>
  );
}

createRoot(document.getElementById("root")).render(<Booking />);
