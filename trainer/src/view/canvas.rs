//! Filled shapes and lines, anti-aliased, in the coordinates of Gymnasium's drawings.

use tiny_skia::{Color, FillRule, Paint, Path, PathBuilder, Pixmap, Stroke, Transform};

use super::{Frame, Size, ViewError};

/// Red, green, blue.
pub type Rgb = [u8; 3];

pub const BLACK: Rgb = [0, 0, 0];

/// A point: x to the right, y up.
pub type Point = [f64; 2];

/// A white sheet.
pub struct Canvas {
    pixels: Pixmap,
    size: Size,
    transform: Transform,
}

impl Canvas {
    /// A sheet of `size` that shows a drawing of another size in its middle, as large as it can be.
    ///
    /// # Errors
    /// [`ViewError::NoRoom`].
    pub fn new(size: Size, drawing: Size) -> Result<Self, ViewError> {
        let Size { width: across, height: up } = size;
        let mut pixels = Pixmap::new(across.into(), up.into())
            .ok_or(ViewError::NoRoom { width: across, height: up })?;
        pixels.fill(Color::WHITE);
        let (across, up) = (f32::from(across), f32::from(up));
        let (width, height) = (f32::from(drawing.width), f32::from(drawing.height));
        let scale = (across / width).min(up / height);
        let (left, bottom) = ((across - scale * width) / 2.0, (up + scale * height) / 2.0);
        let transform = Transform::from_row(scale, 0.0, 0.0, -scale, left, bottom);
        Ok(Self { pixels, size, transform })
    }

    /// A filled polygon.
    pub fn polygon(&mut self, corners: &[Point], colour: Rgb) {
        if let Some(path) = path(corners, true) {
            self.fill(&path, colour);
        }
    }

    /// A filled circle.
    pub fn circle(&mut self, [x, y]: Point, radius: f64, colour: Rgb) {
        if let Some(path) = PathBuilder::from_circle(x as f32, y as f32, radius as f32) {
            self.fill(&path, colour);
        }
    }

    /// A line through points.
    pub fn line(&mut self, points: &[Point], width: f64, colour: Rgb) {
        if let Some(path) = path(points, false) {
            let stroke = Stroke { width: width as f32, ..Stroke::default() };
            self.pixels.stroke_path(&path, &paint(colour), &stroke, self.transform, None);
        }
    }

    fn fill(&mut self, path: &Path, colour: Rgb) {
        self.pixels.fill_path(path, &paint(colour), FillRule::Winding, self.transform, None);
    }

    /// The picture.
    pub fn into_frame(self) -> Frame {
        // On an opaque sheet everything stays opaque.
        let pixels = self.pixels.pixels().iter();
        let rgb = pixels.flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
        Frame { size: self.size, rgb }
    }
}

/// The corners of a box around the x axis, turned by `angle` (counterclockwise, rad) about the origin and
/// then moved to `at`.
pub fn turned_box(x: [f64; 2], y: [f64; 2], angle: f64, at: Point) -> [Point; 4] {
    let ([left, right], [bottom, top]) = (x, y);
    let corners = [[left, bottom], [left, top], [right, top], [right, bottom]];
    corners.map(|corner| turned(corner, angle, at))
}

/// A point turned by `angle` about the origin and then moved by `at`.
pub fn turned([x, y]: Point, angle: f64, at: Point) -> Point {
    let (sin, cos) = angle.sin_cos();
    [x * cos - y * sin + at[0], x * sin + y * cos + at[1]]
}

/// None where a point is not finite, or all are one.
fn path(points: &[Point], closed: bool) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (number, &[x, y]) in points.iter().enumerate() {
        if number == 0 {
            builder.move_to(x as f32, y as f32);
        } else {
            builder.line_to(x as f32, y as f32);
        }
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

fn paint(colour: Rgb) -> Paint<'static> {
    let [red, green, blue] = colour;
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color_rgba8(red, green, blue, 255);
    paint
}
