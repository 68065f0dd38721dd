"""The demo's page, as tests of it and of agents use it."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.page.tabs import holds

IBAN = "DE89370400440532013000"
REQUIRED = {
    "purpose": "Taxi to the client",
    "amount": "12.5",
    "expense_date": "2026-01-02",
    "approver": "approver@example.com",
    "bank_account": IBAN,
}


async def hand_over(page: Page) -> str:
    """Hand the report over and return the prompt, as the clipboard has it."""
    await page.get_by_role("button", name="Hand to my agent").click()
    await expect(page.get_by_text("Copied to the clipboard")).to_be_visible()
    await is_live(page)
    return str(await page.evaluate("navigator.clipboard.readText()"))


async def is_live(page: Page) -> None:
    await holds(page, "document.querySelector('handshake-prompt').session?.state === 'open'")


async def is_by(page: Page, key: str, by: str) -> None:
    await expect(page.locator(f"#field-{key}")).to_have_attribute("data-handshake-by", by)


async def fill_required(page: Page, category: str = "Travel") -> None:
    for key, value in REQUIRED.items():
        await page.fill(f"#field-{key}", value)
    await page.focus("#field-category")  # by keyboard: Playwright's own way sets off no event of a person's
    await page.keyboard.type(category)


async def receipt(page: Page) -> dict[str, tuple[str, str]]:
    """Wait for the receipt and return each field's value and author."""
    await expect(page.locator("#receipt")).to_be_visible()
    cells = await page.locator("#receipt-rows tr").evaluate_all(
        "rows => rows.map(({ id, cells }) => [id.slice(4), cells[1].innerText, cells[2].innerText])"
    )
    return {key: (value, by) for key, value, by in cells}
