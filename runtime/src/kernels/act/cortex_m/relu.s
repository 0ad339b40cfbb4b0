@ y = ReLU(y + bias) for Armv7E-M with a single-precision FPU.
@
@ A comparison as whole numbers: what is below the least normal number becomes 0, as in `finish.rs`. A NaN stays:
@ the FPU makes positive ones, and a checked file has none of its own.

    .syntax unified
    .thumb
    .fpu fpv4-sp-d16

@ r4-r7, as the bits of f32: 0 where their difference to r3 is negative.
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
    push    {r4-r7, lr}
    mov     r3, #0x00800000
    subs    r2, #4
    blt     2f
1:  vldmia  r0, {s0-s3}
    vldmia  r1!, {s4-s7}
    vadd.f32 s0, s0, s4
    vadd.f32 s1, s1, s5
    vadd.f32 s2, s2, s6
    vadd.f32 s3, s3, s7
    vmov    r4, r5, s0, s1
    vmov    r6, r7, s2, s3
    lacewing_relu_bits r4
    lacewing_relu_bits r5
    lacewing_relu_bits r6
    lacewing_relu_bits r7
    stmia   r0!, {r4-r7}
    subs    r2, #4
    bge     1b
2:  adds    r2, #4
    beq     4f
3:  vldr    s0, [r0]
    vldmia  r1!, {s4}
    vadd.f32 s0, s0, s4
    vmov    r4, s0
    lacewing_relu_bits r4
    stmia   r0!, {r4}
    subs    r2, #1
    bne     3b
4:  pop     {r4-r7, pc}
    .size   lacewing_relu, . - lacewing_relu
