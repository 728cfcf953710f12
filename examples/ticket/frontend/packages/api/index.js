// The API as the pages see it.  Without VITE_API_BASE_URL it is on the host that the page came from.
const base = `${import.meta.env.VITE_API_BASE_URL ?? ""}/api/v1`;

async function call(path, options = {}) {
  const headers = sessionStorage.token ? { Authorization: `Bearer ${sessionStorage.token}`, ...options.headers } : options.headers;
  const answer = await fetch(base + path, { ...options, headers });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.detail ?? `${answer.status} ${answer.statusText}`);
  return body;
}

export const listTickets = () => call("/tickets");
export const getTicket = (id) => call(`/tickets/${id}`);
export const createTicket = ({ title }) =>
  call("/tickets", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ title }) });

export async function signIn({ username, password }) {
  const answer = await call("/auth/token", { method: "POST", body: new URLSearchParams({ username, password }) });
  sessionStorage.token = answer.access_token;
}
