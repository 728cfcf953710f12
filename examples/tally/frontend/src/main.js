const API = import.meta.env.VITE_API_URL;

async function call(path, options) {
  const answer = await fetch(API + path, options);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function show() {
  const rows = (await call('/results')).map(({ station, candidate, votes }) => {
    const row = document.createElement('tr');
    for (const text of [station, candidate, votes]) row.insertCell().textContent = text;
    return row;
  });
  document.querySelector('#results').replaceChildren(...rows);
}

document.querySelector('#login').addEventListener('submit', async (event) => {
  event.preventDefault();
  const body = JSON.stringify(Object.fromEntries(new FormData(event.target)));
  const { token } = await call('/auth/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  sessionStorage.setItem('token', token);
});

show();
