@ y = W x where rows come in fours with the same columns: a column is read once and its input multiplied with four
@ weights, each added to a sum of its own row in the order of rows.s, whose macros these go on with.
@
@ r0 inputs    r4, r5 as in rows.s: the one that the lengths leave free takes columns, or keeps the end of the outputs
@ r1 columns   r6 links left      r7, r12 columns, then their inputs; weights as f16      lr what the codec keeps
@ r2, r8-r10 weights of the four rows       r11 as in rows.s      r3 outputs
@ s4-s7 weights   s8-s9 weights as f16   s12-s15 inputs   s16-s31 sums
@ [sp] as many zeros as sums, and behind them the end of the outputs

@ --- How many links the next rows have: r6.

.macro lacewing_fours_pointers_length
    ldr     r12, [r4], #12
    sub     r6, r12, r11
    ldr     r11, [r4], #4
.endm
.macro lacewing_fours_bytes_length
    ldrb    r6, [r4], #4
    movs    r11, #0
.endm
.macro lacewing_fours_constant_length
    lacewing_constant_length
.endm

@ --- The inputs of the next links: s12 and up.

@ lr: where columns are, less where weights are. r12 is the end of the outputs.
.macro lacewing_fours_u16_start value, free
    lacewing_fours_u16_less_\value
    mov     \free, r12
.endm
.macro lacewing_fours_u16_less_f32
    sub     lr, r1, r2, lsr #1
.endm
.macro lacewing_fours_u16_less_f16
    sub     lr, r1, r2
.endm
.macro lacewing_fours_u16_1 free
    lacewing_u16_1
.endm
.macro lacewing_fours_u16_2 free, to=s12, and=s13
    ldrh    r7, [r1], #2
    ldrh    r12, [r1], #2
    ldr     r7, [r0, r7, lsl #2]
    ldr     r12, [r0, r12, lsl #2]
    vmov    \to, \and, r7, r12
.endm
.macro lacewing_fours_u16_4 free
    lacewing_fours_u16_2 \free
    lacewing_fours_u16_2 \free, s14, s15
.endm

.macro lacewing_fours_gap_start value, free
    lacewing_gap_start
.endm
.macro lacewing_fours_gap_1 free
    lacewing_gap_1
.endm
@ Of two bytes of `free`.
.macro lacewing_fours_gap_pair free, low, high, to, and
    uxtab   r7, r11, \free, ror #\low
    uxtab   r11, r7, \free, ror #\high
    ldr     r7, [r0, r7, lsl #2]
    ldr     r12, [r0, r11, lsl #2]
    vmov    \to, \and, r7, r12
.endm
.macro lacewing_fours_gap_2 free
    ldrh    \free, [r1], #2
    uadd8   \free, \free, lr
    lacewing_fours_gap_pair \free, 0, 8, s12, s13
.endm
.macro lacewing_fours_gap_4 free
    ldr     \free, [r1], #4
    uadd8   \free, \free, lr
    lacewing_fours_gap_pair \free, 0, 8, s12, s13
    lacewing_fours_gap_pair \free, 16, 24, s14, s15
.endm

@ --- The next weights of one row: s4 and up.

.macro lacewing_fours_f32_1 from
    vldmia  \from!, {s4}
.endm
.macro lacewing_fours_f32_2 from
    vldmia  \from!, {s4-s5}
.endm
.macro lacewing_fours_f32_4 from
    vldmia  \from!, {s4-s7}
.endm
.macro lacewing_fours_f16_1 from
    ldrh    r7, [\from], #2
    vmov    s8, r7
    vcvtb.f32.f16 s4, s8
.endm
.macro lacewing_fours_f16_2 from
    ldr     r7, [\from], #4
    vmov    s8, r7
    vcvtb.f32.f16 s4, s8
    vcvtt.f32.f16 s5, s8
.endm
.macro lacewing_fours_f16_4 from
    ldr     r7, [\from], #4
    ldr     r12, [\from], #4
    vmov    s8, s9, r7, r12
    lacewing_f16_widen_4
.endm

@ --- The columns of the next rows, by where their weights are: r10.

.macro lacewing_fours_u16_next_f32
    add     r1, lr, r10, lsr #1
.endm
.macro lacewing_fours_u16_next_f16
    add     r1, lr, r10
.endm
.macro lacewing_fours_gap_next_f32
    sub     r7, r10, r2
    add     r1, r1, r7, lsr #2
.endm
.macro lacewing_fours_gap_next_f16
    sub     r7, r10, r2
    add     r1, r1, r7, lsr #1
.endm

@ --- Whether there are more rows.

.macro lacewing_fours_u16_more free
    cmp     r3, \free
.endm
.macro lacewing_fours_gap_more free
    ldr     r12, [sp, #64]
    cmp     r3, r12
.endm

@ --- A layer.

.macro lacewing_fours_row_1 value, from, c
    lacewing_fours_\value\()_1 \from
    vfma.f32 \c, s4, s12
.endm
.macro lacewing_fours_row_2 value, from, a, b
    lacewing_fours_\value\()_2 \from
    vfma.f32 \a, s4, s12
    vfma.f32 \b, s5, s13
.endm
.macro lacewing_fours_row_4 value, from, a, b, c, d
    lacewing_fours_\value\()_4 \from
    vfma.f32 \a, s4, s12
    vfma.f32 \b, s5, s13
    vfma.f32 \c, s6, s14
    vfma.f32 \d, s7, s15
.endm
@ Four columns of the four rows.
.macro lacewing_fours_four index, value, free
    lacewing_fours_\index\()_4 \free
    lacewing_fours_row_4 \value, r2, s16, s17, s18, s19
    lacewing_fours_row_4 \value, r8, s20, s21, s22, s23
    lacewing_fours_row_4 \value, r9, s24, s25, s26, s27
    lacewing_fours_row_4 \value, r10, s28, s29, s30, s31
.endm
.macro lacewing_fours_total to, a, b, c, d
    vadd.f32 \a, \a, \b
    vadd.f32 \c, \c, \d
    vadd.f32 \to, \a, \c
.endm

@ void lacewing_fours_…(const Rows *). bytes: of a weight, as a shift.
.macro lacewing_fours index, length, value, bytes, free
    .section .text.lacewing_fours_\index\()_\length\()_\value, "ax", %progbits
    .balign 4
    .global lacewing_fours_\index\()_\length\()_\value
    .type   lacewing_fours_\index\()_\length\()_\value, %function
    .thumb_func
lacewing_fours_\index\()_\length\()_\value:
    push    {r4-r11, lr}
    vpush   {s16-s31}
    ldr     r12, [r0, #24]
    push    {r12}
    adr     r7, 7f
    vldmia  r7, {s16-s31}
    vpush   {s16-s31}
    ldm     r0, {r0-r5}
    lacewing_fours_\index\()_start \value, \free
    movs    r11, #0
1:  lacewing_fours_\length\()_length
    vldmia  sp, {s16-s31}
    add     r8, r2, r6, lsl #\bytes
    add     r9, r8, r6, lsl #\bytes
    add     r10, r9, r6, lsl #\bytes
    subs    r6, #8
    blt     3f
2:  lacewing_fours_four \index, \value, \free
    lacewing_fours_four \index, \value, \free
    subs    r6, #8
    bge     2b
    @ What is left, less eight: that changes none of these bits. C has the bit of four, N that of two, and nothing
    @ before the second branch sets flags.
3:  lsls    r12, r6, #30
    bcc     4f
    lacewing_fours_four \index, \value, \free
4:  bpl     5f
    lacewing_fours_\index\()_2 \free
    lacewing_fours_row_2 \value, r2, s16, s17
    lacewing_fours_row_2 \value, r8, s20, s21
    lacewing_fours_row_2 \value, r9, s24, s25
    lacewing_fours_row_2 \value, r10, s28, s29
5:  tst     r6, #1
    beq     6f
    lacewing_fours_\index\()_1 \free
    lacewing_fours_row_1 \value, r2, s18
    lacewing_fours_row_1 \value, r8, s22
    lacewing_fours_row_1 \value, r9, s26
    lacewing_fours_row_1 \value, r10, s30
6:  lacewing_fours_total s0, s16, s17, s18, s19
    lacewing_fours_total s1, s20, s21, s22, s23
    lacewing_fours_total s2, s24, s25, s26, s27
    lacewing_fours_total s3, s28, s29, s30, s31
    vstmia  r3!, {s0-s3}
    lacewing_fours_\index\()_next_\value
    mov     r2, r10
    lacewing_fours_\index\()_more \free
    bne     1b
    add     sp, #68
    vpop    {s16-s31}
    pop     {r4-r11, pc}
    .balign 4
7:  .fill   16, 4, 0
    .size   lacewing_fours_\index\()_\length\()_\value, . - lacewing_fours_\index\()_\length\()_\value
.endm

    lacewing_fours u16, pointers, f32, 2, r5
    lacewing_fours u16, pointers, f16, 1, r5
    lacewing_fours u16, constant, f32, 2, r4
    lacewing_fours u16, constant, f16, 1, r4
    lacewing_fours gap, bytes, f32, 2, r5
    lacewing_fours gap, bytes, f16, 1, r5
    lacewing_fours gap, constant, f32, 2, r4
    lacewing_fours gap, constant, f16, 1, r4
