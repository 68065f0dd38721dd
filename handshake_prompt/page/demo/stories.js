/** What the sample agent has found out for each form of the demo, and what it asks. */

/** @param {number} days @returns {string} the date so many days ago. */
function ago(days) {
  const day = new Date(Date.now() - days * 86_400_000);
  return [day.getFullYear(), day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/** @param {Record<string, unknown>} values @returns {object[]} the actions that write them. */
function set(values) {
  return Object.entries(values).map(([key, value]) => ({ type: "set", key, value }));
}

/**
 * @typedef {object} Story
 * @property {string} source where it has the values from.
 * @property {Record<string, unknown>} found by key; what it cannot know, it leaves to the person.
 * @property {object} question what the source does not tell.
 * @property {(answers: Record<string, string>) => object[]} reply the actions that follow from an answer.
 */

/** @type {Record<string, Story>} */
export const STORIES = {
  expense: {
    source: "receipt 2041",
    found: {
      purpose: "Lunch at the project kick-off",
      category: "meals",
      amount: 84.65,
      expense_date: ago(1),
      start_time: "12:30",
      receipt_at: `${ago(1)} 14:05:00`,
      receipt_links: ["https://example.com/r/2041"],
      approver: "finance@example.com",
    },
    question: {
      text: "The receipt is for three. Who was there with you?",
      fields: [
        {
          key: "guests",
          type: "enum",
          label: "With me were",
          required: true,
          options: [{ value: "client", label: "People of the client's" }, { value: "team", label: "Colleagues" }],
        },
      ],
    },
    reply: ({ guests }) => guests === "client"
      ? set({ attendees: ["Client's project lead", "Design lead"], billable: true })
      : set({ attendees: ["Two colleagues"], billable: false }),
  },
  trip: {
    source: "your calendar",
    found: {
      purpose: "Workshop with the client in Graz",
      start: ago(4),
      end: ago(3),
      "way/by": "train",
      "way/seat": "aisle",
      costs: [{ what: "Train tickets", day: ago(6), amount: 96.4 }, { what: "Hotel, one night", day: ago(3), amount: 118 }],
    },
    question: { text: "You took a taxi on the way back, for 18.40 euros. Shall I add it?" },
    reply: () => [{ type: "add", key: "costs", value: { what: "Taxi", day: ago(3), amount: 18.4 } }],
  },
};
