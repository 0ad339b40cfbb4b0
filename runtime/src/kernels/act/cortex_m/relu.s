@ y = ReLU(y + bias) for Armv7E-M with a single-precision FPU.
@
@ A comparison as whole numbers: what is below the least normal number becomes 0, as in `finish.rs`. A NaN stays:
@ the FPU makes positive ones, and a checked file has none of its own.

    .syntax unified
    .thumb
    .fpu fpv4-sp-d16

@ r4-r11, as the bits of f32: 0 where their difference to r3 is negative.
.macro lacewing_relu_bits bits
    qsub    r12, \bits, r3
    bic     \bits, \bits, r12, asr #31
.endm

@ void lacewing_relu(float *y, const float *bias, uint32_t count)
    .section .text.lacewing_relu, "ax", %progbits
    .balign 4
    .global lacewing_relu
    .type   lacewing_relu, %function
    .thumb_func
lacewing_relu:
    push    {r4-r11, lr}
    mov     r3, #0x00800000
    subs    r2, #8
    blt     2f
1:  vldmia  r0, {s0-s7}
    vldmia  r1!, {s8-s15}
    vadd.f32 s0, s0, s8
    vadd.f32 s1, s1, s9
    vadd.f32 s2, s2, s10
    vadd.f32 s3, s3, s11
    vadd.f32 s4, s4, s12
    vadd.f32 s5, s5, s13
    vadd.f32 s6, s6, s14
    vadd.f32 s7, s7, s15
    vmov    r4, r5, s0, s1
    vmov    r6, r7, s2, s3
    vmov    r8, r9, s4, s5
    vmov    r10, r11, s6, s7
    lacewing_relu_bits r4
    lacewing_relu_bits r5
    lacewing_relu_bits r6
    lacewing_relu_bits r7
    lacewing_relu_bits r8
    lacewing_relu_bits r9
    lacewing_relu_bits r10
    lacewing_relu_bits r11
    stmia   r0!, {r4-r11}
    subs    r2, #8
    bge     1b
2:  adds    r2, #8
    beq     4f
3:  vldr    s0, [r0]
    vldmia  r1!, {s4}
    vadd.f32 s0, s0, s4
    vmov    r4, s0
    lacewing_relu_bits r4
    stmia   r0!, {r4}
    subs    r2, #1
    bne     3b
4:  pop     {r4-r11, pc}
    .size   lacewing_relu, . - lacewing_relu
