"""TIFF tags as microscopes write them."""

from __future__ import annotations


def zeiss_tag(size: str) -> list:
    text = f"1\r\n0.5\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = {size}\r\n"
    text += "AP_PIXEL_SIZE\r\nPixel Size = 99 nm\r\n"
    data = text.encode("cp1252")
    return [(34118, 7, len(data), data, True)]


def fei_tag(text: str) -> list:
    return [(34682, 2, 0, text.replace("\n", "\r\n"), True)]
