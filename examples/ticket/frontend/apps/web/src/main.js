import { createTicket, getTicket, listTickets, signIn } from "@ticket/api";
import about from "./about.md?raw";

const page = document.getElementById("page");
const element = (name, text, attributes = {}) => Object.assign(document.createElement(name), { textContent: text }, attributes);
const failed = (error) => page.append(element("p", error.message));

function form(fields, button, submit) {
  const shown = element("form", "");
  for (const name of fields) shown.append(element("input", "", { name, placeholder: name, type: name === "password" ? name : "text" }));
  shown.append(element("button", button));
  shown.onsubmit = (event) => {
    event.preventDefault();
    submit(Object.fromEntries(new FormData(shown))).then(show, failed);
  };
  return shown;
}

async function list() {
  const tickets = element("ul", "");
  for (const { id, title, status } of await listTickets()) {
    tickets.append(element("li", ""));
    tickets.lastChild.append(element("a", title, { href: `/tickets/${id}` }), ` ${status}`);
  }
  const entry = sessionStorage.token ? form(["title"], "Add", createTicket) : form(["username", "password"], "Sign in", signIn);
  page.replaceChildren(element("h1", "Tickets"), element("p", about), tickets, entry);
}

async function one(id) {
  const { title, status } = await getTicket(id);
  page.replaceChildren(element("h1", title), element("p", status), element("a", "All tickets", { href: "/" }));
}

async function show() {
  console.log("showing", location.pathname);
  const [, id] = location.pathname.match(/^\/tickets\/(\d+)$/) ?? [];
  await (id ? one(id) : list());
}

show().catch(failed);
